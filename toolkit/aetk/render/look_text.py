"""Renders looks at tables, and conversions, as text."""

from aetk.lab.look.convert import ConvertReport
from aetk.lab.look.report import Column, Look
from aetk.render.format import table

_CONTAINERS = {
    "text": "text",
    "parquet": "Parquet",
    "feather": "Feather",
    "excel": "a spreadsheet",
    "json": "JSON",
    "json lines": "JSON Lines",
    "npy": "an array of NumPy",
    "npz": "arrays of NumPy",
    "arff": "ARFF",
    "mat": "a MATLAB file",
    "memory": "rows in memory",
}
_MOST_COLUMNS = 200


def decided(found: Look) -> str:
    """What was decided about a table, a few lines; empty if it is in the default format and nothing was left out."""
    if not found.notes and not found.decisions:
        return ""
    part = " (by parts of it)" if found.is_sample else ""
    return "\n".join([f"{found.title}{part}:", *(f"  {note}" for note in found.notes)])


def looked(found: Look) -> str:
    """A look at a table."""
    packed = f", compressed by {found.compression}" if found.compression else ""
    encoded = f", {found.encoding}" if found.encoding else ""
    rows = (
        f"{found.rows:,} rows" if found.rows is not None else f"looked at {found.looked_at:,} rows in parts of the file"
    )
    lines = [
        f"{found.title}: {_CONTAINERS[found.container]}{packed}{encoded}; {rows}, {len(found.columns):,} columns",
        "",
    ]
    shown = found.columns[:_MOST_COLUMNS]
    lines.append(table(["column", "kind", "use", "missing", "values", ""], [_row(column) for column in shown]))
    if len(found.columns) > len(shown):
        lines.append(f"... and {len(found.columns) - len(shown):,} more columns")
    for title, texts in (
        ("decided", found.notes),
        ("to check", found.warnings),
        ("for you to decide", [decision.question for decision in found.decisions]),
    ):
        if texts:
            lines += ["", f"{title}:", *(f"  {text}" for text in texts)]
    lines += ["", "train with:", f"    {found.command}"]
    lines += [f"      {' '.join(option.words)}: {option.why}" for option in found.options]
    if found.others:
        lines += ["or:", *(f"    {command}" for command in found.others)]
    return "\n".join(lines)


def _row(column: Column) -> list[str]:
    missing = ", ".join(f"{rows:,} '{cell}'" if cell else f"{rows:,}" for cell, rows in column.missing)
    if column.low is not None and column.high is not None:
        values = f"{column.low:g} to {column.high:g}"
    elif column.levels:
        values = ", ".join(f"{cell[:20]} ({rows:,})" for cell, rows in column.levels[:3])
        values += f", ... ({column.distinct:,})" if column.distinct > 3 else ""
    else:
        values = f"{column.distinct:,} different" if column.distinct else ""
    notation = f" ({column.notation})" if column.notation != "decimal" else ""
    remarks = "; ".join(filter(None, [column.why, *column.odd]))
    return [column.name or "(no name)", column.kind + notation, column.use, missing, values, remarks]


def converted(report: ConvertReport) -> str:
    """A conversion."""
    return "\n".join(
        [f"{report.source}: {report.rows:,} rows, {report.columns:,} columns", *map("  {}".format, report.notes)]
    )
