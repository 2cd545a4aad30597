"""I/O binding, with the CPU as the device: the code that keeps a batch on CUDA, as far as it goes without one."""

from dataclasses import replace

import numpy as np
import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.contract import spec
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.providers import PROVIDERS
from aetk.edge.runtime.session import Session, open_session


@pytest.mark.parametrize("rows", [1, 64])
def test_a_bound_run_answers_as_a_plain_one(explaining_model, breast_cancer, rows):
    session = open_session(explaining_model.read_bytes())
    features = np.ascontiguousarray(breast_cancer.data[:rows], np.float32)
    binding = Binding(session, {spec.INPUT: features})
    binding.run()
    expected = session.run(features)
    found = binding.outputs()
    assert list(found) == [*spec.OUTPUTS, spec.CONTRIBUTION]
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values)


def test_input_and_outputs_lie_on_the_device_and_are_written_there_again_and_again(model):
    binding = Binding(open_session(model.read_bytes()), {spec.INPUT: np.zeros((4, 30), np.float32)})
    before = [value.data_ptr() for value in binding._bound.get_outputs()]
    binding.run()
    binding.run()
    assert [value.data_ptr() for value in binding._bound.get_outputs()] == before
    assert binding.devices() == {"cpu"}


def test_an_output_of_unknown_size_is_refused():
    class Output:
        name, type, shape = "y", "tensor(float)", ["batch", "any"]

    class Raw:
        def io_binding(self):
            return Bound()

        def get_outputs(self):
            return [Output()]

    class Bound:
        def bind_ortvalue_input(self, *_):
            pass

    with pytest.raises(BadInput, match="cannot be bound"):
        Binding(Session(PROVIDERS["cpu"], {}, "profile", Raw()), {"x": np.zeros((1, 1), np.float32)})


def test_a_session_that_keeps_its_rows_elsewhere_is_not_bound(model):
    session = replace(open_session(model.read_bytes()), provider=PROVIDERS["cuda"])
    with pytest.raises(Unavailable, match="CUDAExecutionProvider keeps inputs and outputs in the memory of cpu"):
        Binding(session, {spec.INPUT: np.zeros((4, 30), np.float32)})
    untold = Session(PROVIDERS["cuda"], {}, "profile", object())
    with pytest.raises(Unavailable, match="in a memory that is not known; expected that of cuda"):
        Binding(untold, {spec.INPUT: np.zeros((4, 30), np.float32)})
