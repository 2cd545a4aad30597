"""What the tests of the gate share."""

import numpy as np
import pytest
from onnx import numpy_helper

from aetk.contract import gate
from aetk.contract.gate import Refused


def read(proto):
    return gate.read(proto.SerializeToString())


def refuses(proto, says):
    with pytest.raises(Refused, match=says) as refused:
        read(proto)
    assert refused.value.hint
    assert refused.value.exit_code == 2


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)
