"""Opens a text file in any format as rows of cells."""

import gzip
import io
import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.contract.reading import TableFormat
from aetk.lab.look.container import damaged, open_bytes
from aetk.lab.look.rows import BodyRows

_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "cp1252": "cp1252", "latin-1": "latin-1"}


def body_rows(path: Path, compression: str, table: TableFormat, *, no_line_begins: str = "") -> BodyRows:
    """The rows of a text file below its header.

    Args:
        path, compression: see `container.open_bytes`.
        table: its format.
        no_line_begins: a text that no line may begin with; empty for none.

    Raises:
        BadInput: as in `BodyRows`; while rows are read, a line is not text of the encoding or begins with that text.
    """
    return BodyRows(_lines(path, compression, table, no_line_begins), table, str(path))


def _lines(path: Path, compression: str, table: TableFormat, no_line_begins: str) -> Iterator[str]:
    codec = _CODECS[table.encoding]
    number = 0
    with open_bytes(path, compression) as file:
        if codec == "utf-16":
            start = file.read(2)
            file = open_bytes(path, compression)
            codec = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le"
        with io.TextIOWrapper(file, codec, newline="\n") as text:
            try:
                for number, line in enumerate(text, 1):
                    if no_line_begins and line.startswith(no_line_begins):
                        raise BadInput(
                            f"{path}, line {number}: begins with '{no_line_begins}', as no line looked at does.",
                            f"If it is a comment: --comment '{no_line_begins}'",
                        )
                    yield line
            except UnicodeError:
                raise BadInput(
                    f"{path}, line {number + 1} or after: not {table.encoding.upper()} text.",
                    "Save the table as UTF-8.",
                ) from None
            except (EOFError, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
                raise damaged(path, compression, error) from None
