"""What a look at a table found and decided, and what a person asked for beforehand."""

from dataclasses import dataclass, fields

from aetk.contract.reading import DEFAULT, Encoding, TableFormat


@dataclass(frozen=True)
class Wishes:
    """What a person said about a table; what is not said is decided by the look.

    Attributes:
        label: the label column.
        drop: columns to leave out.
        no_header: whether there are no names.
        skip_rows: the number of lines before everything else.
        skip_footer: the number of rows at the end to leave out.
        comment: lines that begin with this text are left out; empty for none.
        sheet: the sheet of a spreadsheet.
        labels: a file that holds the labels, one a row.
        anomaly: values of the label that mean an anomaly.
        ordinary: values of the label that mean an ordinary row.
        missing_value: cells that mean a missing value: `VALUE`, or `COL=VALUE` for one column.
        category: columns to read as categories.
        keep: columns to keep that would be left out.
        time: columns of times to make features of: `COL`, or `COL=FORMAT`.
        missing: the policy for missing values; None for `reject`.
    """

    label: str | None = None
    drop: tuple[str, ...] = ()
    no_header: bool = False
    skip_rows: int | None = None
    skip_footer: int | None = None
    comment: str | None = None
    sheet: str | None = None
    labels: str | None = None
    anomaly: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    missing_value: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    missing: str | None = None


WISHES = tuple(item.name for item in fields(Wishes) if item.name not in ("label", "drop", "missing"))
"""The names of the wishes that older versions did not know."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name, without the blanks around it; empty if it has none.
        kind: `number`, `true/false`, `category`, `time`, `row number`, `identifier`, `constant`, `text`, `empty`,
            `mixed` (numbers and other text) or `label`.
        use: `feature`, `label`, `left out`, or `undecided` where a person has to say.
        why: the reason in words; empty where the kind says it.
        missing: how many cells of the rows looked at are missing, by the text in them; empty text for empty cells.
        distinct: how many different values there are in the rows looked at.
        low, high: the smallest and the largest number; None if the cells are not numbers.
        levels: the most frequent values of a category, a label or true/false, with the number of their rows.
        notation: `decimal`, `percent` or `hex`, for numbers.
        time_format: one of `contract.reading.TIME_FORMATS`, for times.
        odd: what is odd about it, in words.
    """

    name: str
    kind: str
    use: str = "feature"
    why: str = ""
    missing: tuple[tuple[str, int], ...] = ()
    distinct: int = 0
    low: float | None = None
    high: float | None = None
    levels: tuple[tuple[str, int], ...] = ()
    notation: str = "decimal"
    time_format: str = ""
    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelCandidate:
    """A column that looks like the label.

    Attributes:
        column: its name.
        values: its values with the number of their rows, the most frequent first.
        anomaly: the values that mean an anomaly; empty if `ordinary` says it, or if a person has to say.
        ordinary: the values that mean an ordinary row.
        why: why it looks like the label.
    """

    column: str
    values: tuple[tuple[str, int], ...]
    anomaly: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Option:
    """Words to add to a command, and the reason for them."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Decision:
    """What a person has to decide.

    Attributes:
        question: what was found and what it could mean.
        ways: the ways on, as options of `aetk train`; the likeliest first.
    """

    question: str
    ways: tuple[Option, ...]


@dataclass(frozen=True)
class Look:
    """What a table is, and how it will be read.

    Attributes:
        title: the file, or another name for messages.
        container: `text`, `parquet`, `feather`, `excel`, `json`, `json lines`, `npy`, `npz`, `arff`, `mat` or `memory`.
        compression: `gzip`, `bzip2`, `xz`, `zip` or empty.
        encoding: how the bytes of a text file become text, and how that was found.
        rows: how many rows there are; None if only a part was looked at.
        looked_at: how many rows were looked at.
        table: the format of the text file, as the card will have it.
        columns: all columns of the table, in order.
        features: the columns that become features, in order.
        encodings: how their cells become numbers, one for each feature; the levels of categories are those of the
            rows looked at.
        label: columns that look like the label, the likeliest first.
        notes: what was decided, a line each.
        warnings: what a person should check, a line each.
        decisions: what a person has to decide; training does not start before.
        options: the options of `command`, with their reasons.
        command: one command that trains on this table.
        others: other commands that could be meant.
        is_plain: whether it is CSV in the default format, or Parquet, with features that are columns of numbers.
        is_lenient: whether the format is another than the default only to allow blanks around cells, cells too many or
            names twice; no line begins with `table.comment` then.
    """

    title: str
    container: str
    compression: str
    encoding: str
    rows: int | None
    looked_at: int
    table: TableFormat = DEFAULT
    columns: tuple[Column, ...] = ()
    features: tuple[str, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    label: tuple[LabelCandidate, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    options: tuple[Option, ...] = ()
    command: str = ""
    others: tuple[str, ...] = ()
    is_plain: bool = True
    is_lenient: bool = False

    @property
    def is_sample(self) -> bool:
        """Whether only a part of the rows was looked at."""
        return self.rows is None

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the columns that are neither features nor the label."""
        return tuple(column.name for column in self.columns if column.use == "left out")
