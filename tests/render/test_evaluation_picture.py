"""An evaluation's picture shows every model, whatever the labels, and nothing in it covers anything else."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from aetk.lab.evaluation import EvaluateReport, ModelEvaluation
from aetk.lab.metrics import measure
from aetk.render import evaluation_picture
from aetk.render.evaluation_picture import draw_evaluation, short_names

PNG = b"\x89PNG\r\n\x1a\n"
SIMILARITY = np.float32([0.99, 0.98, 0.98, 0.2, -1.0])
LABELS = np.array([False, False, True, True, True])
CURVES = ["precision over recall", "macro F1 over thresholds"]


def evaluation(names, labels=LABELS, threshold=0.9, natural=None):
    metrics = measure(SIMILARITY, labels, threshold)
    models = [ModelEvaluation(Path(name), threshold, metrics, 1, SIMILARITY, natural) for name in names]
    return EvaluateReport(Path("rows.csv"), "y", labels, tuple(models), natural)


@pytest.fixture
def drawn(monkeypatch):
    """The figure instead of the file."""
    monkeypatch.setattr(evaluation_picture, "as_png", lambda figure: figure)
    return lambda *arguments, **options: draw_evaluation(evaluation(*arguments, **options))


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("labels", [LABELS, ~LABELS, LABELS & False, LABELS | True], ids=["mixed", "inverse", "0", "1"])
@pytest.mark.parametrize("threshold", [0.9, *(pytest.param(value, marks=pytest.mark.slow) for value in (-0.999, 1.0))])
def test_an_evaluation_is_drawn_whatever_the_labels(labels, threshold):
    assert draw_evaluation(evaluation(["a.onnx", "b.onnx"], labels, threshold)).startswith(PNG)


def test_the_same_report_gives_the_same_picture():
    first, second = (draw_evaluation(evaluation(["a.onnx"])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("count", [1, 2, 5, pytest.param(28, marks=pytest.mark.slow)])
def test_every_model_has_a_panel_and_a_line_of_its_own_among_all_others(drawn, count):
    names = [f"{place}.onnx" for place in range(count)]
    found = panels(drawn(names))
    assert set(found) == {*CURVES, *names}
    for title in CURVES:
        lines = [line for line in found[title].lines if line.get_marker() != "o"]
        looks = {(line.get_color(), line.get_linestyle()) for line in lines}
        assert len(looks) == len(lines) == count
        assert len(legend(found[title])) == count


def test_of_lines_that_coincide_the_one_below_is_wider(drawn):
    lines = [
        line for line in panels(drawn(["a.onnx", "b.onnx", "c.onnx"]))[CURVES[0]].lines if len(line.get_xdata()) > 1
    ]
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(set(widths), reverse=True)
    assert len(widths) == 3


def test_one_model_is_drawn_in_a_single_row(drawn):
    assert [axes.get_subplotspec().rowspan.start for axes in drawn(["a.onnx"]).axes] == [0, 0, 0]


def test_the_legends_name_the_model_and_its_figures(drawn):
    found = panels(drawn(["a.onnx", "b.onnx"], natural=0.125))
    average_precision = (1 + 1 + 3 / 4) / 3  # two rows of 0.98, one of them an anomaly, come last but one
    assert legend(found[CURVES[0]])[1] == f"AP {average_precision:.4f} (natural 0.1250)  b.onnx"
    assert legend(found[CURVES[1]])[0] == "macro F1 0.8000  a.onnx"


def test_a_dot_marks_the_threshold_unless_it_flags_nothing(drawn):
    def dots(figure):
        return [line.get_xydata()[0].tolist() for line in panels(figure)[CURVES[0]].lines if line.get_marker() == "o"]

    assert dots(drawn(["a.onnx"])) == [[pytest.approx(2 / 3), 1]]
    report = evaluation(["a.onnx"], threshold=-0.999)
    kept = report.models[0].similarity.copy()
    kept[-1] = 0
    silent = ModelEvaluation(Path("a.onnx"), -0.999, measure(kept, LABELS, -0.999), 0, kept)
    assert dots(draw_evaluation(EvaluateReport(report.data, "y", LABELS, (silent,)))) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, pytest.param(10, marks=pytest.mark.slow)])
def test_nothing_is_cut_off_or_covered(drawn, count):
    figure = drawn([f"{place}-{'long-' * 15}name/model.onnx" for place in range(count)], natural=0.5)
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


@pytest.mark.parametrize("name", ["$x_1.onnx", r"$\frac$.onnx", "_model.onnx", "a$b$c.onnx"])
def test_a_name_is_taken_as_it_stands(name, drawn):
    figure = drawn([name])
    figure.draw_without_rendering()
    shown = legend(panels(figure)[CURVES[0]])
    assert len(shown) == 1
    assert shown[0].replace(r"\$", "$").endswith(name)
    assert all("$" not in part.replace(r"\$", "") for part in shown)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/b/m.onnx"], ["m.onnx"]),
        (["a/m.onnx", "b/n.onnx"], ["m.onnx", "n.onnx"]),
        (["x/a/m.onnx", "x/b/m.onnx", "n.onnx"], ["a/m.onnx", "b/m.onnx", "n.onnx"]),
        (["m.onnx", "/m.onnx"], ["m.onnx", "/m.onnx"]),
        (["a/m.onnx", "a/m.onnx"], ["m.onnx", "m.onnx"]),
        (["."], ["."]),
    ],
)
def test_names_are_the_shortest_ends_that_differ(paths, names):
    assert short_names([Path(path) for path in paths]) == names
