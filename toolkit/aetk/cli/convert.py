"""`aetk convert`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, show


@click.command("convert", short_help="Write a table as plain CSV.")
@click.argument("data", type=FILE)
@click.argument("out", type=FILE)
@click.option("--no-header", is_flag=True, default=False, help="The table has no names: c1, c2, ...")
@click.option("--skip-rows", type=click.IntRange(0), metavar="N", help="Lines before everything else.")
@click.option("--skip-footer", type=click.IntRange(0), metavar="N", help="Rows at the end to leave out.")
@click.option("--comment", metavar="TEXT", help="Lines that begin with TEXT are left out.")
@click.option("--sheet", metavar="NAME", help="Sheet of a spreadsheet.")
@json_option
def command(
    data: Path,
    out: Path,
    no_header: bool,
    skip_rows: int | None,
    skip_footer: int | None,
    comment: str | None,
    sheet: str | None,
    as_json: bool,
) -> None:
    """Write DATA as CSV in the default format into OUT: UTF-8, commas, a header, decimal points.

    Numbers lose percent signs and signs between thousands, hexadecimal ones become decimal, and missing values become
    empty cells. Text, labels and times stay as they are.
    """
    from aetk.api import convert
    from aetk.render.look_text import converted

    report = convert(
        data,
        out,
        no_header=no_header,
        skip_rows=skip_rows,
        skip_footer=skip_footer,
        comment=comment,
        sheet=sheet,
    )
    show(report, converted, as_json, str(out), shlex.join(["aetk", "look", str(out)]))
