"""A comparison fails a build for a slowdown, not for noise, and believes no file that is not a report."""

import json

import pytest

from aetk.base.errors import BadInput
from aetk.edge.bench.baseline import Baseline, read_baseline
from aetk.edge.bench.comparison import check, compare
from aetk.edge.bench.report import SCHEMA_VERSION
from aetk.edge.bench.setting import Setting
from aetk.render.bench_files import bench_json

from .making import ENVIRONMENT, measured, report, timings

ONE = (Setting("cpu", 1), None)


def baseline(then, environment=ENVIRONMENT, sha="a" * 64):
    return Baseline("then.json", "then.onnx", sha, environment, then)


def held(now, then, fail_above=None):
    return compare(baseline({ONE: then}), {ONE: now}, "a" * 64, ENVIRONMENT, fail_above)


def test_a_ratio_comes_with_the_spread_of_the_windows_of_both_sides():
    (row,) = held(timings(220, 200, 210), timings(100, 105, 110)).rows
    assert row.ratio == pytest.approx(2.0, rel=1e-3)
    assert row.low == pytest.approx(200 / 110, rel=1e-3)
    assert row.high == pytest.approx(220 / 100, rel=1e-3)
    assert row.verdict == "slower"


def test_a_slowdown_beyond_limit_and_spread_fails():
    assert not held(timings(150, 152), timings(100, 102), 1.2).passed
    assert held(timings(150, 152), timings(100, 102), 1.6).passed
    assert held(timings(150, 152), timings(100, 102)).passed  # nothing is demanded


def test_a_slowdown_within_the_spread_is_undecided_and_does_not_fail():
    found = held(timings(90, 150, 150), timings(100, 100, 100), 1.2)
    assert found.rows[0].ratio > 1.2
    assert found.rows[0].verdict == "undecided"
    assert found.passed


def test_an_unstable_row_fails_where_even_its_best_window_is_too_slow():
    assert not held(timings(200, 400), timings(100, 100), 1.5).passed


@pytest.mark.parametrize(
    ("now", "verdict"), [((100, 101), "alike"), ((110, 111), "alike"), ((50, 51), "faster"), ((130, 131), "slower")]
)
def test_every_row_has_its_verdict(now, verdict):
    assert held(timings(*now), timings(100, 100), 1.2).rows[0].verdict == verdict


def test_where_no_row_can_be_judged_a_limit_fails_closed():
    found = held(timings(100, samples=3), timings(100, 100), 1.2)
    assert found.rows[0].verdict == "too few samples"
    assert not found.passed
    assert held(timings(100, samples=3), timings(100, 100)).passed


def test_rows_that_were_not_measured_now_are_named():
    other = (Setting("cpu", 64), 100)
    found = compare(baseline({ONE: timings(1, 1), other: timings(1, 1)}), {ONE: timings(1, 1)}, "", ENVIRONMENT, None)
    assert found.missing == (other,)


def test_another_model_another_machine_and_another_version_are_said():
    then = {**ENVIRONMENT, "processor": "a slow one", "onnxruntime": "1.20"}
    found = compare(baseline({ONE: timings(1, 1)}, then, "b" * 64), {ONE: timings(1, 1)}, "a" * 64, ENVIRONMENT, None)
    assert found.warnings[0].startswith("ANOTHER MODEL: then.json measured then.onnx (bbbbbbbbbbbb...)")
    assert found.warnings[1:] == (
        "another machine: processor a slow one then, a processor now",
        "another version: onnxruntime 1.20 then, 1.30 now",
    )


def test_a_limit_on_another_machines_report_is_refused():
    then = baseline({ONE: timings(1, 1)}, {**ENVIRONMENT, "usable_cpus": "64"})
    check(then, {ONE}, ENVIRONMENT, None)
    with pytest.raises(BadInput, match="another machine \\(usable_cpus 64 then, 2 now\\)"):
        check(then, {ONE}, ENVIRONMENT, 1.2)


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"gpus": ["Tesla T4, 15360 MiB"]}, "gpus Tesla T4, 15360 MiB then, NVIDIA A100 now"),
        ({"gpus": []}, "gpus none then, NVIDIA A100 now"),
        ({"visible_gpus": "CUDA_VISIBLE_DEVICES=1"}, "visible_gpus CUDA_VISIBLE_DEVICES=1 then, none now"),
    ],
)
def test_another_gpu_is_another_machine(differs, words):
    now = {**ENVIRONMENT, "gpus": ["NVIDIA A100"]}
    then = baseline({ONE: timings(1, 1)}, {**now, **differs})
    assert compare(then, {ONE: timings(1, 1)}, "a" * 64, now, None).warnings == (f"another machine: {words}",)
    with pytest.raises(BadInput, match="another machine"):
        check(then, {ONE}, now, 1.2)


@pytest.mark.parametrize("version", ["gpu_driver", "cuda", "cudnn"])
def test_another_driver_or_cuda_is_a_warning(version):
    then = baseline({ONE: timings(1, 1)}, {**ENVIRONMENT, version: "12.4"})
    check(then, {ONE}, ENVIRONMENT, 1.2)
    found = compare(then, {ONE: timings(1, 1)}, "a" * 64, ENVIRONMENT, 1.2)
    assert found.warnings == (f"another version: {version} 12.4 then, none now",)
    assert found.passed


def test_reports_without_a_row_in_common_are_refused():
    with pytest.raises(BadInput, match="holds no row that is to be measured now"):
        check(baseline({ONE: timings(1, 1)}), {(Setting("cpu", 64), None)}, ENVIRONMENT, None)


@pytest.fixture
def document():
    return json.loads(bench_json(report([measured(batch=1), measured(batch=64, threads=1)])))


def write(tmp_path, document):
    path = tmp_path / "then.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_report_is_read_back_with_every_sample(tmp_path, document):
    found = read_baseline(write(tmp_path, document), SCHEMA_VERSION)
    assert found.model_sha256 == "a" * 64
    assert found.rows[ONE] == measured(batch=1).timings
    assert found.rows.keys() == {ONE, (Setting("cpu", 64, threads=1), None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"), ("{", "is not JSON"), ('{"schema_version": NaN}', "is not JSON"),
        ("[" * 100_000, "is not JSON"), ('{"model": "a", "model": "b"}', "is not JSON"),
        ("[]", "not a report"), ("{}", "schema version is None; expected 4"),
        ('{"schema_version": true}', "schema version is True; expected 4"),
        ('{"schema_version": 3}', r"An older version of aetk .*\(schema version 3\); this one reads 4"),
        ('{"schema_version": 5}', "A newer version of aetk wrote this report"),
        ('{"schema_version": 4}', "The report lacks model"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_report_of_this_version_is_refused_in_one_message(tmp_path, text, message):
    with pytest.raises(BadInput, match=message) as caught:
        read_baseline(write(tmp_path, text), SCHEMA_VERSION)
    assert str(tmp_path) in caught.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "then.json"
    path.write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(BadInput, match="is not JSON"):
        read_baseline(path, SCHEMA_VERSION)


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="No such report"):
        read_baseline(tmp_path / "absent.json", SCHEMA_VERSION)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row["setting"].update(batch="1"), r"setting.batch is '1'; expected a whole number"),
        (
            lambda row: row["setting"].update(mode="magic"),
            "setting.mode is 'magic'; expected one of run, pinned,",
        ),
        (lambda row: row.pop("timings"), "lacks measured"),
        (lambda row: row["timings"]["turns"][0].update(samples=[1.5]), "expected a whole number"),
        (lambda row: row["timings"]["turns"][0].update(samples=[0]), "not positive"),
        (lambda row: row["timings"].update(turns=[]), "missing"),
    ],
)
def test_a_row_that_is_not_as_declared_is_refused(tmp_path, document, change, message):
    change(document["measured"][0])
    with pytest.raises(BadInput, match=message):
        read_baseline(write(tmp_path, document), SCHEMA_VERSION)
