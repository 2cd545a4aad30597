"""`aetk bench`."""

import shlex
import sys
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, provider_option, show
from aetk.edge.providers import PROVIDERS
from aetk.render import text


@click.command("bench", short_help="Measure speed and memory.")
@click.argument("model", type=FILE, required=False)
@provider_option("Measure this provider; repeat for more [default: cpu and cuda].")
@click.option(
    "--batch",
    "batches",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="Rows per run; repeat [default: 1 to 65536].",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="CPU threads; repeat [default: ONNX Runtime's].",
)
@click.option("--seconds", type=float, default=45.0, show_default=True, metavar="S", help="For the whole grid.")
@click.option(
    "--require",
    multiple=True,
    type=click.Choice(list(PROVIDERS)),
    metavar="P",
    help="Exit 3 unless this provider works.",
)
@click.option("--out", type=FILE, default=Path("bench"), show_default=True, metavar="DIR", help="For JSON and picture.")
@json_option
def command(
    model: Path | None,
    providers: tuple[str, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    seconds: float,
    require: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> None:
    """Measure MODEL, or the newest under exports/, on the execution providers of this machine.

    Every line says where the model's nodes ran. A provider that does not work is named with its reason. A percentile
    that the samples cannot support stays blank (p90 needs 100 of them, p99 1,000). On CUDA, TF32 is off.
    """
    from aetk.edge import bench as edge
    from aetk.render.bench_files import check_folder, write_bench

    check_folder(out)
    model = model or edge.newest_model()
    shown = sys.stderr.isatty()
    try:
        report = edge.bench(
            model,
            providers=providers or edge.PROVIDERS,
            batches=batches or edge.BATCHES,
            threads=threads or (None,),
            seconds=seconds,
            require=require,
            progress=_progress if shown else lambda _: None,
        )
    finally:
        if shown:
            _progress("")
    wrote = write_bench(report, out)
    show(report, text.bench, as_json, " and ".join(map(str, wrote)), shlex.join(["aetk", "verify", str(model)]))


def _progress(message: str) -> None:
    click.echo(f"\r\x1b[K{message}", err=True, nl=False)
