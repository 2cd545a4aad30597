"""`aetk export`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, progress_line, show, sign_option
from aetk.contract import spec


@click.command("export", short_help="Export a run as one ONNX file.")
@click.argument("run", type=FILE, required=False)
@click.option("--onnx", is_flag=True, expose_value=False, help="The format: one ONNX file with its card [default].")
@click.option("--out", type=FILE, metavar="FILE.onnx", help="The file [default: exports/RUN.onnx].")
@click.option("--opset", type=int, default=spec.OPSET, metavar="N", show_default=True, help="17 loads everywhere.")
@click.option("--explain", is_flag=True, help="Add each feature's contribution to the outputs.")
@sign_option
@json_option
def command(
    run: Path | None, out: Path | None, opset: int, explain: bool, sign_key: Path | None, as_json: bool
) -> None:
    """Export RUN, or the newest finished run, as one ONNX file.

    Scaling, cosine similarity, threshold and validity are in the graph; the card and golden rows are in the file and
    beside it. The file appears only after it has decided exactly as the PyTorch model does (exit 1 otherwise).
    """
    with progress_line() as progress:
        progress("starting")
        from aetk.api import export
        from aetk.render.lab_text import export as text

        report = export(run, out=out, opset=opset, explain=explain, sign_key=sign_key, on_stage=progress)
    show(report, text, as_json, f"{report.model} and {report.card}", shlex.join(["aetk", "bench", str(report.model)]))
