"""`aetk bench`."""

import shlex
import sys
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, provider_option, show
from aetk.contract.errors import BadInput, MissingExtra
from aetk.contract.files import write_atomically
from aetk.edge.providers import PROVIDERS
from aetk.render import text
from aetk.render.data import to_json


@click.command("bench")
@click.argument("model", type=FILE, required=False)
@provider_option("Measure this provider; repeat for more [default: cpu and cuda].")
@click.option("--batch", "batches", type=click.IntRange(1), multiple=True, metavar="N", help="Rows per run; repeat.")
@click.option("--threads", type=click.IntRange(1), multiple=True, metavar="N", help="CPU threads; repeat.")
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
    that the samples cannot support stays blank (p90 needs 100 of them, p99 1,000). Float32 throughout: no TF32.
    """
    from aetk.edge import bench as edge

    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; expected a folder.")
    model = model or edge.newest_model()
    report = edge.bench(
        model,
        providers=providers or edge.PROVIDERS,
        batches=batches or edge.BATCHES,
        threads=threads or (None,),
        seconds=seconds,
        require=require,
        progress=_progress if sys.stderr.isatty() else lambda _: None,
    )
    wrote = out / f"{model.stem}.bench.json"
    write_atomically([(wrote, (to_json(report) + "\n").encode())])
    files = str(wrote)
    try:
        from aetk.render.picture import draw_bench

        picture = out / f"{model.stem}.bench.png"
        write_atomically([(picture, draw_bench(report))])
        files += f" and {picture}"
    except MissingExtra as error:
        click.echo(f"no picture: {error.hint}", err=True)
    show(report, text.bench, as_json, files, shlex.join(["aetk", "verify", str(model)]))


def _progress(message: str) -> None:
    click.echo(f"\r\x1b[K{message}", err=True, nl=False)
