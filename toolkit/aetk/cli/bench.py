"""`aetk bench`."""

import shlex
from functools import partial
from pathlib import Path

import click

from aetk.cli.common import FILE, PROVIDER, json_option, progress_line, provider_option, say_json, show


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
    help="CPU threads; repeat [default: ONNX Runtime's; 1 at two batch sizes].",
)
@click.option(
    "--spinning",
    type=click.Choice(["on", "off"]),
    multiple=True,
    help="Whether waiting threads spin; repeat [default: on; off at two batch sizes].",
)
@click.option("--sparse", is_flag=True, help="Also single rows that arrive every 10, 100 and 1,000 ms.")
@click.option("--all", "everything", is_flag=True, help="Print every row and column, not the few that fit a screen.")
@click.option("--seconds", type=float, default=45.0, show_default=True, metavar="S", help="For everything.")
@click.option(
    "--require",
    multiple=True,
    type=PROVIDER,
    metavar="P",
    help="Exit 3 unless this provider works.",
)
@click.option("--compare", type=FILE, metavar="JSON", help="An earlier report of this machine: show the ratios to it.")
@click.option("--fail-above", type=float, metavar="RATIO", help="Exit 1 where a row is slower than that; 1.2: by 20%.")
@click.option("--out", type=FILE, default=Path("bench"), show_default=True, metavar="DIR", help="For JSON and picture.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path | None,
    providers: tuple[str, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    spinning: tuple[str, ...],
    sparse: bool,
    everything: bool,
    seconds: float,
    require: tuple[str, ...],
    compare: Path | None,
    fail_above: float | None,
    out: Path,
    as_json: bool,
) -> None:
    """Measure MODEL, or the newest under exports/, on the execution providers of this machine.

    A provider that does not work, or does not start in its share of the time, is named with the reason. A percentile
    that the samples cannot support stays blank (p90 needs 100 of them, p99 1,000, p99.9 10,000). Nothing is concluded
    from rows that are unstable or have too few samples, and nothing at all where other processes took the processors.
    On CUDA, TF32 is off.

    --all prints every row, with cold starts, memory, processor time and where the nodes ran.

    With --compare, ratios are shown with their spread over the windows of both runs; --fail-above judges by the lower
    end of the spread, so that noise alone does not fail a build.
    """
    from aetk.edge import bench as edge
    from aetk.edge.model import newest_model
    from aetk.render.bench_files import bench_json, check_folder, write_bench
    from aetk.render.bench_text import bench as text

    check_folder(out)
    model = model or newest_model()
    with progress_line() as progress:
        report = edge.bench(
            model,
            providers=providers or edge.PROVIDERS,
            batches=batches or edge.BATCHES,
            threads=threads or None,
            spinning=[word == "on" for word in spinning] or None,
            sparse=sparse,
            seconds=seconds,
            require=require,
            against=compare,
            fail_above=fail_above,
            progress=progress,
        )
    wrote = write_bench(report, out)
    if as_json:
        say_json(bench_json(report))
    else:
        following = shlex.join(["aetk", "verify", str(model)])
        show(report, partial(text, everything=everything), as_json, " and ".join(map(str, wrote)), following)
    ctx.exit(0 if report.passed else 1)
