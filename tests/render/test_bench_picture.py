"""A benchmark is drawn whatever it could measure."""

from dataclasses import replace
from pathlib import Path

import pytest
from edge.bench.making import measured, report, timings

from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.disturbances import NotAlone
from aetk.edge.bench.roofline import Bound
from aetk.edge.bench.row import Measured
from aetk.edge.bench.setting import Setting
from aetk.render import bench_picture
from aetk.render.bench_picture import draw_bench

PNG = b"\x89PNG\r\n\x1a\n"
ROWS = [measured(batch=1, samples=2000), measured(batch=64), measured(batch=64, threads=1), measured("cuda", 64)]


def sparse(samples):
    return Arrivals(Setting("cpu", 1), 100, timings(90, 90, samples=samples), 0, None, {"CPU": 1}, "assignment")


@pytest.mark.parametrize(
    ("rows", "arrivals"),
    [(ROWS, []), ([measured(samples=1)], []), (ROWS, [sparse(20)]), (ROWS, [sparse(1)])],
    ids=["grid", "too few samples", "sparse", "too few sparse"],
)
def test_a_picture_is_drawn(rows, arrivals):
    assert draw_bench(report(rows, arrivals, bounds=[Bound("cpu", 1e9, 100, 1e7)])).startswith(PNG)


@pytest.fixture
def drawn(monkeypatch):
    """The axes instead of the file."""
    monkeypatch.setattr(bench_picture, "as_png", lambda figure: figure.axes)
    return lambda *arguments, **options: draw_bench(report(*arguments, **options))


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_it_shows_percentiles_throughput_and_the_bound(drawn):
    latency, throughput = drawn(ROWS, bounds=[Bound("cpu", 1e9, 100, 1e7)])
    assert [name for name in legend(latency) if name.startswith("p")] == ["p50", "p90", "p99", "p99.9"]
    assert legend(throughput) == ["cpu", "cpu, 1 thread", "cuda"]
    assert "matrix-product bound of cpu: 10 M rows/s" in [text.get_text() for text in throughput.texts]


def test_an_unstable_row_wears_a_ring_that_the_legend_explains(drawn):
    row = measured()
    shaky = Measured(row.setting, row.cold, timings(100, 150), row.placement, row.evidence)
    assert "unstable, or too few samples" in legend(drawn([shaky])[1])
    assert "unstable, or too few samples" not in legend(drawn([row])[1])


def test_what_spoilt_the_figures_stands_above_them():
    title = bench_picture._title(replace(report(ROWS), disturbances=(NotAlone(0.5),)))
    assert title.endswith("\nnot alone: other processes took 50% of the processors during the run")


@pytest.mark.parametrize("name", [r"$\frac$.onnx", "m\udcff.onnx"])
def test_a_model_of_any_name_is_drawn(name):
    assert draw_bench(replace(report(ROWS), model=Path(name))).startswith(PNG)
