"""A provider that computes on a GPU is given one, or the call says at once why not; Ray and Spark are stand-ins."""

import contextlib
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.cluster import ray, scoring
from aetk.cluster.engine import Resources, Workers
from aetk.cluster.ray import RayEngine
from aetk.cluster.spark import SparkEngine
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.render.cluster_text import scoring as as_text

from .inprocess import Here


def workers(monkeypatch, resources, on_gpus, **cluster):
    """What a Ray cluster with such resources is to work with."""
    connected = SimpleNamespace(is_initialized=lambda: True, cluster_resources=lambda: cluster)
    monkeypatch.setattr(ray, "_ray", lambda: connected)
    with RayEngine(resources).connected(on_gpus) as found:
        return found


@pytest.mark.parametrize(
    ("resources", "on_gpus", "cluster", "expected"),
    [
        (Resources(), False, {"CPU": 8.0, "GPU": 2.0}, Workers(8, 0.0)),
        (Resources(), True, {"CPU": 8.0, "GPU": 2.0}, Workers(2, 1.0)),
        (Resources(threads=4), True, {"CPU": 8.0, "GPU": 4.0}, Workers(2, 1.0)),
        (Resources(workers=1), True, {"CPU": 8.0, "GPU": 2.0}, Workers(1, 1.0)),
        (Resources(gpus=0.5), True, {"CPU": 8.0, "GPU": 2.0}, Workers(4, 0.5)),
        (Resources(gpus=2.0), True, {"CPU": 8.0, "GPU": 4.0}, Workers(2, 2.0)),
    ],
)
def test_each_worker_on_a_gpu_has_one_unless_told_otherwise(monkeypatch, resources, on_gpus, cluster, expected):
    assert workers(monkeypatch, resources, on_gpus, **cluster) == expected


@pytest.mark.parametrize("resources", [Resources(), Resources(workers=2), Resources(gpus=0.5)])
def test_a_cluster_without_a_gpu_is_refused_at_once_and_not_waited_for(monkeypatch, resources):
    with pytest.raises(Unavailable, match="computes on a GPU; the Ray cluster has none") as caught:
        workers(monkeypatch, resources, True, CPU=8.0)
    assert "--provider cpu" in caught.value.hint


def test_more_than_the_cluster_has_is_refused(monkeypatch):
    with pytest.raises(BadInput, match="8 processors and 1 GPUs; 2 workers of 1 and 1 were asked for"):
        workers(monkeypatch, Resources(workers=2), True, CPU=8.0, GPU=1.0)
    with pytest.raises(BadInput, match="hides every GPU"):
        workers(monkeypatch, Resources(gpus=0.0), True, CPU=8.0, GPU=1.0)


def test_ray_is_asked_for_the_gpus_of_each_worker(monkeypatch):
    asked = {}

    class Data:
        @staticmethod
        def from_items(rows, **_):
            return Data()

        def map_batches(self, *_, **options):
            asked.update(options)
            return self

        def iter_rows(self):
            return iter(())

    data = SimpleNamespace(
        DataContext=SimpleNamespace(get_current=lambda: SimpleNamespace()),
        ActorPoolStrategy=lambda size: size,
        from_items=Data.from_items,
    )
    fake = SimpleNamespace(
        is_initialized=lambda: True,
        cluster_resources=lambda: {"CPU": 8.0, "GPU": 2.0},
        data=data,
        exceptions=SimpleNamespace(RayError=ZeroDivisionError),
    )
    monkeypatch.setattr(ray, "_ray", lambda: fake)
    for on_gpus, expected in ((True, (2, 1.0)), (False, (5, None))):
        engine = RayEngine(Resources())
        with engine.connected(on_gpus):
            assert list(engine.run(print, range(5))) == []
        assert (asked["compute"], asked["num_gpus"]) == expected


def test_spark_is_refused_for_a_gpu_before_it_is_started(monkeypatch):
    errors, sql = ModuleType("pyspark.errors"), ModuleType("pyspark.sql")
    errors.PySparkException = ZeroDivisionError
    builder = SimpleNamespace(appName=lambda _: SimpleNamespace(getOrCreate=pytest.fail))
    sql.SparkSession = SimpleNamespace(getActiveSession=lambda: None, builder=builder)
    for module in (ModuleType("pyspark"), errors, sql):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(BadInput, match="Spark does not keep its Python workers") as caught:
        contextlib.ExitStack().enter_context(SparkEngine(Resources()).connected(True))
    assert "--engine ray" in caught.value.hint


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        (("cpu",), False),
        (("cuda",), True),
        (("CUDAExecutionProvider",), True),
        ("tensorrt", True),
        (("cuda", "cpu"), True),
        (("cpu", "cuda"), False),
    ],
)
def test_a_scorer_knows_whether_it_computes_on_cuda(model, providers, expected):
    assert BatchScorer(model, providers=providers).computes_on_cuda is expected


def test_a_provider_nobody_knows_is_refused_before_anything_is_sent(model):
    with pytest.raises(BadInput, match="No provider is called 'cuda0'"):
        BatchScorer(model, providers=["cuda0"])


@pytest.mark.parametrize("provider", ["cuda:1", "tensorrt:2"])
def test_a_gpu_of_this_machine_is_not_named_to_a_cluster(model, parts, tmp_path, provider):
    with pytest.raises(BadInput, match=f"{provider} names a GPU of this machine") as caught:
        scoring.score_folder(model, str(parts), Here(), out=str(tmp_path / "scores"), providers=[provider])
    assert caught.value.hint == f"Use --provider {provider.partition(':')[0]}."
    assert not (tmp_path / "scores").exists()


def test_the_engine_is_told_and_the_report_says_what_each_worker_was_given(model, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "BatchScorer", lambda *arguments, **options: _on_cuda(*arguments, **options))
    report = scoring.score_folder(model, str(parts), Here(), out=str(tmp_path / "scores"))
    assert (report.workers, report.gpus) == (1, 1.0)
    assert "on here with 1 worker, 1 GPU each in" in as_text(report)
    assert "with 1 worker, 0.5 GPU each in" in as_text(replace(report, gpus=0.5))
    assert "with 1 worker in" in as_text(replace(report, gpus=0.0))


def _on_cuda(*arguments, **options):
    """A scorer that works here, but says it needs a GPU."""
    scorer = BatchScorer(*arguments, **options)
    scorer.computes_on_cuda = True
    return scorer
