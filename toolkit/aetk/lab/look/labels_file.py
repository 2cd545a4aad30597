"""Reads the labels of a table from a file of their own, one a row."""

from pathlib import Path

import numpy as np

from aetk.base.errors import BadInput
from aetk.contract.reading import strip
from aetk.edge.tables.chunk import listed
from aetk.lab.look.container import find_container
from aetk.lab.look.report import Wishes
from aetk.lab.look.sample import Cells, sample_text
from aetk.lab.look.typed import read_typed, shortest


def read_labels(path: Path, wishes: Wishes) -> list[str]:
    """The values in the label file's only column, or in the one that is called as the label, in order.

    Raises:
        BadInput: the file cannot be read, has several columns or a row without a label.
    """
    container = find_container(path)
    plain = Wishes()
    if container.kind == "text":
        sample = sample_text(path, container, plain)
        names, columns = sample.names, sample.columns
        if not sample.is_whole:
            from aetk.lab.look.lines import body_rows

            body = body_rows(path, container.compression, sample.table)
            columns = [list(column) for column in zip(*(cells for _, cells in body), strict=True)]
    else:
        found = read_typed(path, container, plain, is_sample=False)
        names, columns = found.names, found.columns
    stripped = [strip(name) for name in names]
    if len(columns) > 1 and wishes.label is not None and strip(wishes.label) in stripped:
        return _texts(path, columns[stripped.index(strip(wishes.label))])
    if len(columns) != 1:
        raise BadInput(
            f"{path} has {len(columns)} columns: {listed(stripped)}; expected one label a row.",
            "Name the column of the labels with --label.",
        )
    return _texts(path, columns[0])


def _texts(path: Path, cells: Cells) -> list[str]:
    found = [shortest(value) for value in cells.tolist()] if isinstance(cells, np.ndarray) else list(cells)
    if "" in found:
        raise BadInput(
            f"{path}, row {found.index('') + 1}: found no label.", "Write a label for every row of the table."
        )
    return found
