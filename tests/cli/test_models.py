"""What every command says of a model that it cannot use."""

import onnx
import pytest

COMMANDS = {
    "inspect": ["inspect"],
    "verify": ["verify"],
    "threshold": ["threshold"],
    "set": ["threshold", "--set", "0.5"],
    "bench": ["bench", "--seconds", "1"],
    "score": ["score"],
    "evaluate": ["evaluate"],
}


@pytest.fixture(params=list(COMMANDS))
def refuses_model(refused, request, whole_table):
    """Runs each command on a model that it must refuse."""

    def call(model, code=2):
        data = {"score": [whole_table], "evaluate": [whole_table, "--label", "malignant"]}.get(request.param, [])
        return refused(*COMMANDS[request.param], model, *data, code=code)

    return call


def test_a_model_that_does_not_exist_is_named(refuses_model):
    assert "No such model: absent.onnx" in refuses_model("absent.onnx")


def test_a_folder_is_no_model(refuses_model, request, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    takes_runs = request.node.callspec.params["refuses_model"] == "evaluate"
    expected = "folder.onnx holds no finished run" if takes_runs else "folder.onnx is a folder"
    assert expected in refuses_model("folder.onnx")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(64)])
def test_a_file_of_another_kind_is_refused(refuses_model, tmp_path, content):
    (tmp_path / "other.onnx").write_bytes(content)
    assert "other.onnx" in refuses_model("other.onnx")


@pytest.mark.parametrize("length", [1, 1000, -1])
def test_a_truncated_model_is_refused(refuses_model, model_copy, length):
    model_copy.write_bytes(model_copy.read_bytes()[:length])
    assert model_copy.name in refuses_model(model_copy)


def test_a_model_without_a_card_is_refused_with_the_way_to_get_one(refuses_model, model_copy):
    proto = onnx.load(model_copy)
    del proto.metadata_props[:]
    onnx.save(proto, model_copy)
    message = refuses_model(model_copy)
    assert "carries no aetk card" in message
    assert "aetk export --onnx" in message


def test_a_model_with_one_changed_bit_is_a_failed_check(refuses_model, model_copy):
    content = bytearray(model_copy.read_bytes())
    content[len(content) // 4] ^= 1  # among the weights
    model_copy.write_bytes(content)
    assert "SHA-256" in refuses_model(model_copy, code=1)


def test_a_name_cannot_command_the_terminal(aetk, model_copy, resign):
    resign(model_copy, edit_card=lambda card: card.update(name="\x1b]0;owned\x07harmless"))
    found = aetk("inspect", model_copy)
    assert found.code == 0
    assert "\\u001b]0;owned\\u0007harmless" in found.out
    assert found.out.replace("\n", "").isprintable()
