from types import SimpleNamespace

import numpy as np
import pytest

from aetk.base.errors import MissingExtra, Unavailable
from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.runtime import ort
from aetk.edge.runtime.providers import PROVIDERS, Provider
from aetk.edge.runtime.session import OPTIMIZATIONS, Session, open_session

AZURE = Provider("azure", "AzureExecutionProvider", "onnxruntime")


@pytest.fixture(scope="module")
def data(model):
    return model.read_bytes()


def test_every_node_is_proved_to_run_on_the_provider(data):
    session = open_session(data)
    assert session.placement.keys() == {"CPUExecutionProvider"}
    assert session.placement["CPUExecutionProvider"] > 10


def test_a_provider_that_would_leave_its_nodes_to_the_cpu_is_refused(data):
    """Azure's provider is in every build and takes no node, as CUDA's does where its libraries are missing."""
    with pytest.raises(
        Unavailable, match=r"it ran none of the model's nodes; \d+ ran on CPUExecutionProvider"
    ) as caught:
        open_session(data, AZURE)
    assert caught.value.exit_code == 3


def test_the_refusal_does_not_rest_on_the_runtimes_own_switch(data):
    """A provider called `cpu` is not asked to refuse the fallback; what was placed where is looked at all the same."""
    posing = Provider("cpu", "AzureExecutionProvider", "onnxruntime")
    said = r"does not run the whole model: it ran none of the model's nodes; \d+ ran on CPUExecutionProvider\."
    with pytest.raises(Unavailable, match=said):
        open_session(data, posing)


def test_a_provider_that_the_build_lacks_is_refused_with_the_build_that_has_it(data):
    with pytest.raises(Unavailable, match="has no QNNExecutionProvider") as caught:
        open_session(data, PROVIDERS["qnn"])
    assert "--provider cpu" in caught.value.hint
    assert caught.value.hint.endswith("pip install onnxruntime-qnn adds it, as a plugin.")
    with pytest.raises(Unavailable) as caught:
        open_session(data, PROVIDERS["cuda"])
    assert (
        "the build 'onnxruntime-gpu' may have it, in place of the one installed, never beside it" in caught.value.hint
    )


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x08\x08"])
def test_what_the_runtime_cannot_open_is_refused_in_one_line(data):
    with pytest.raises(Unavailable, match=r"CPUExecutionProvider cannot run this model: .+") as caught:
        open_session(data)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("optimization", OPTIMIZATIONS)
def test_every_optimization_level_gives_the_same_answers(data, breast_cancer, optimization):
    rows = breast_cancer.data.astype(np.float32)
    expected = open_session(data).run(rows)
    found = open_session(data, optimization=optimization, threads=1).run(rows)
    assert list(found) == list(spec.OUTPUTS)
    assert np.abs(found[spec.SIMILARITY] - expected[spec.SIMILARITY]).max() <= spec.TOLERANCE
    assert (found[spec.IS_VALID] == expected[spec.IS_VALID]).all()


def test_the_number_of_threads_is_handed_on(data):
    assert open_session(data, threads=3).raw.get_session_options().intra_op_num_threads == 3


def test_without_onnxruntime_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"pip install 'aetk\[cpu\]'"):
        ort.onnxruntime()


@pytest.mark.parametrize(("spinning", "entry"), [(True, "1"), (False, "0")])
def test_spinning_is_handed_on(data, spinning, entry):
    options = open_session(data, spinning=spinning).raw.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == entry


def told(*names):
    """What a session says of its inputs' memory, and of its outputs' in the other order."""
    infos = [SimpleNamespace(name=name, device_id=number) for name, number in names]
    return SimpleNamespace(get_input_memory_infos=lambda: infos, get_output_memory_infos=lambda: infos[::-1])


def test_a_session_on_the_cpu_keeps_inputs_and_outputs_in_the_processors_memory(data):
    assert open_session(data).memory == "cpu"


@pytest.mark.parametrize(
    ("names", "memory"),
    [
        ([("Cpu", 0), ("Cpu", 0)], "cpu"),
        ([("Cuda", 1)], "cuda"),
        ([("WebGPU_Buf", 0)], "webgpu_buf"),
        ([("Cpu", 0), ("WebGPU_Buf", 0)], None),
        ([("Cuda", 0), ("Cuda", 1)], None),
        ([], None),
    ],
)
def test_the_runtime_is_asked_where_inputs_and_outputs_lie(names, memory):
    assert Session(PROVIDERS["cpu"], {}, "profile", told(*names)).memory == memory
    assert Session(PROVIDERS["webgpu"], {}, "profile", told(*names)).memory == memory


def test_the_runtime_tells_the_number_of_the_device():
    assert Session(PROVIDERS["cuda"], {}, "profile", told(("Cuda", 1))).device_id == 1
    assert Session(PROVIDERS["cpu"], {}, "profile", object()).device_id == 0


def test_a_runtime_too_old_to_say_is_trusted_on_the_cpu_alone():
    memories = {name: Session(provider, {}, "profile", object()).memory for name, provider in PROVIDERS.items()}
    assert memories.pop("cpu") == "cpu"
    assert set(memories.values()) == {None}


def test_spinning_is_the_runtimes_choice_unless_it_is_asked_for(data):
    options = open_session(data).raw.get_session_options()
    with pytest.raises(RuntimeError, match="allow_spinning"):
        options.get_session_config_entry("session.intra_op.allow_spinning")


def test_a_run_that_the_runtime_gives_up_is_unavailable(model):
    session = open_session(load(model).data)
    with pytest.raises(Unavailable, match="CPUExecutionProvider cannot run this model: "):
        session.run(np.zeros((2, 7), np.float32))
