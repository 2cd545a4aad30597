import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import StringStringEntryProto

from aetk.contract.gate import Refused, fields
from aetk.contract.protobuf import encode_bytes, encode_int

INT64 = st.integers(-(2**63), 2**63 - 1)
FIELD_NUMBERS = st.integers(1, 2**29 - 1)


def read(data):
    return list(fields(memoryview(data)))


@given(FIELD_NUMBERS, INT64)
def test_an_integer_survives_a_round_trip(field_number, value):
    (field,) = read(encode_int(field_number, value))
    assert (field.number, field.value) == (field_number, value % 2**64)


@pytest.mark.parametrize(
    ("value", "written"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (129, b"\x81\x01"), (300, b"\xac\x02")]
)
def test_a_number_takes_as_few_bytes_as_it_can(value, written):
    assert encode_int(1, value) == b"\x08" + written


@given(FIELD_NUMBERS, st.binary(max_size=400))
def test_bytes_survive_a_round_trip(field_number, value):
    data = encode_bytes(field_number, value)
    (field,) = read(data)
    assert (field.number, bytes(field.value), bytes(field.raw)) == (field_number, value, data)


@given(st.text(), st.text())
def test_strings_are_read_and_written_as_the_onnx_package_does(key, value):
    data = StringStringEntryProto(key=key, value=value).SerializeToString()
    parts = {field.number: str(field.payload, "utf-8") for field in read(data)}
    assert (parts.get(1, ""), parts.get(2, "")) == (key, value)
    parsed = StringStringEntryProto.FromString(encode_bytes(1, key.encode()) + encode_bytes(2, value.encode()))
    assert (parsed.key, parsed.value) == (key, value)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_whole_or_refused(data):
    try:
        found = read(data)
    except Refused:
        return
    assert b"".join(bytes(field.raw) for field in found) == data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x08", "ends in the middle"),
        (b"\x08\x80", "ends in the middle"),
        (b"\x08" + b"\xff" * 10, "longer than 10 bytes"),
        (b"\x0a\x05abc", "claims 5 bytes where 3 are left"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "are left"),
        (b"\x09abc", "claims 8 bytes where 3 are left"),
        (b"\x0d\x00", "claims 4 bytes where 1 are left"),
        (b"\x0b", "unknown wire type 3"),
        (b"\x0f\x00", "unknown wire type 7"),
    ],
)
def test_damage_is_refused_with_its_kind(data, says):
    with pytest.raises(Refused, match=says):
        read(data)


def test_a_number_is_not_taken_for_bytes():
    (field,) = read(encode_int(1, 5))
    with pytest.raises(Refused, match="a number stands"):
        field.payload  # noqa: B018 - the access is the question
