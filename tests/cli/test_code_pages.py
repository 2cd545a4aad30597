"""Printing changes no exit code: what the encoding of a terminal, a file or a pipe cannot show is shown escaped."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from aetk.cli.main import COMMANDS, main
from aetk.edge.model import card_path
from aetk.render.edge_text import inspection

PAGES = ("cp1252", "cp437", "cp932", "gbk", "cp949", "ascii", "utf-8")
NAME = "ключ µκ 値\U0001f600"
COLUMN = "größe \U0001f600"
UNDECODABLE = os.fsdecode(b"\xff\xfe")


class Terminal(io.TextIOWrapper):
    """A terminal of an encoding, so that progress is shown as well; strict, as Python opens standard output."""

    def __init__(self, page):
        super().__init__(io.BytesIO(), encoding=page, errors="strict", write_through=True)

    def isatty(self):
        return True

    @property
    def shown(self):
        """What was written, read back in the encoding: UnicodeDecodeError where it is in another."""
        return self.buffer.getvalue().decode(self.encoding)


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def aetk(tmp_path, monkeypatch):
    """Runs the command line in an empty folder, on a terminal of an encoding."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(page, *arguments):
        with monkeypatch.context() as patch:
            streams = [Terminal(page), Terminal(page)]
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with pytest.raises(SystemExit) as end:
                main([str(argument) for argument in arguments])
        return Result(end.value.code, *(stream.shown for stream in streams))

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def rename(path, new_name):
    """Give a model, its card's copy with it, another name."""
    card_path(path).rename(card_path(path).with_name(f"{new_name}.card.json"))
    return path.rename(path.with_name(f"{new_name}.onnx"))


@pytest.fixture
def foreign_model(model_copy, resign):
    """A model whose file, card and first column have names in many scripts."""

    def edit(card):
        card["name"] = NAME
        card["features"][0]["name"] = COLUMN

    resign(model_copy, edit_card=edit)
    return rename(model_copy, NAME)


@pytest.fixture
def foreign_table(whole_table):
    """Rows for that model, in a file of such a name."""
    head, rows = whole_table.read_text(encoding="utf-8").split("\n", 1)
    path = whole_table.with_name(f"{NAME}.csv")
    path.write_text(f"{head.replace('mean_radius', COLUMN, 1)}\n{rows}", encoding="utf-8")
    return path


QUICK = {
    "inspect": ["inspect", "MODEL"],
    "verify": ["verify", "MODEL"],
    "threshold": ["threshold", "MODEL"],
    "threshold --set": ["threshold", "MODEL", "--set", "0.5"],
    "score": ["score", "MODEL", "TABLE", "--out", f"скор {NAME}.csv"],
    "embed": ["embed", "python", "MODEL", "--out", NAME],
    "doctor": ["doctor"],
}
SLOW = {
    "bench": ["bench", "MODEL", "--provider", "cpu", "--batch", "1", "--seconds", "1", "--out", NAME],
    "train": ["train", "TABLE", "--label", "malignant", "--epochs", "1", "--device", "cpu", "--out", NAME],
    "export": ["export", "RUN", "--onnx", "--out", f"{NAME}.onnx"],
    "evaluate": ["evaluate", "MODEL", "TABLE", "--label", "malignant", "--plot", f"{NAME}.png"],
}
WRONG = {
    "no such model": (["inspect", f"{NAME}.gone.onnx"], 2),
    "no such option": (["inspect", f"--{NAME}"], 2),
    "no such command": ([NAME], 2),
    "no such column": (["score", "MODEL", "TABLE", "--id", NAME], 2),
    "a threshold out of range": (["threshold", "MODEL", "--set", "2"], 2),
}


@pytest.fixture
def filled(foreign_model, foreign_table, breast_cancer_run):
    """Arguments with the files of a test in the places of the words for them."""
    files = {"MODEL": foreign_model, "TABLE": foreign_table, "RUN": breast_cancer_run.run}
    return lambda arguments: [files.get(word, word) for word in arguments]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", QUICK)
def test_a_command_that_works_ends_with_0_under_every_code_page(aetk, filled, page, name):
    result = aetk(page, *filled(QUICK[name]))
    assert (result.code, "Traceback" in result.err) == (0, False), result


@pytest.mark.parametrize("name", SLOW)
def test_so_does_one_that_takes_longer_under_the_poorest(aetk, filled, name):
    result = aetk("ascii", *filled(SLOW[name]))
    assert (result.code, "Traceback" in result.err) == (0, False), result
    assert "\\u043a\\u043b\\u044e\\u0447" in result.out  # of NAME, in the line that says what was written


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", WRONG)
def test_an_error_keeps_its_exit_code(aetk, filled, page, name):
    arguments, code = WRONG[name]
    result = aetk(page, *filled(arguments))
    assert (result.code, result.out, "Traceback" in result.err) == (code, "", False), result


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_needs_no_more_than_ascii(aetk, arguments):
    result = aetk("ascii", *arguments)
    assert result.code == 0
    assert "\\u" not in result.out


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", [name for name in QUICK if name not in ("score", "embed")])
def test_json_reads_back_as_the_same_under_every_code_page(aetk, filled, page, name):
    found, expected = (aetk(each, *filled(QUICK[name]), "--json") for each in (page, "utf-8"))
    assert (found.code, expected.code) == (0, 0)
    document = json.loads(found.out)
    if name.startswith("threshold --set"):  # the second one replaces nothing
        document["before"] = json.loads(expected.out)["before"]
    assert document == json.loads(expected.out)
    if page == "utf-8" and name == "inspect":
        assert NAME in found.out


def test_json_of_a_benchmark_reads_back_too(aetk, filled):
    result = aetk("cp932", *filled(SLOW["bench"]), "--json")
    assert result.code == 0
    assert json.loads(result.out)["model"].endswith(f"{NAME}.onnx")


def test_what_a_terminal_cannot_show_is_escaped_and_the_rest_is_shown(aetk, foreign_model):
    out = aetk("cp1252", "inspect", foreign_model).out
    assert "\\u043a\\u043b\\u044e\\u0447 µ\\u03ba \\u5024\\U0001f600: aetk model" in out
    assert "größe \\U0001f600, " in out


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names there are Unicode")
@pytest.mark.parametrize("name", ["inspect", "verify", "threshold --set", "score", "embed", "bench", "evaluate"])
def test_a_file_name_of_undecodable_bytes_is_shown_escaped(aetk, filled, foreign_model, foreign_table, name):
    model, table = rename(foreign_model, UNDECODABLE), foreign_table.rename(UNDECODABLE + ".csv")
    arguments = filled({**QUICK, **SLOW}[name])
    given = {foreign_model: model, foreign_table: table, NAME: UNDECODABLE}
    for option in ([], ["--json"]):
        shutil.rmtree(UNDECODABLE, ignore_errors=True)
        result = aetk("utf-8", *(given.get(word, word) for word in arguments), *option)
        assert (result.code, "Traceback" in result.err) == (0, False), result
    assert "\\udcff\\udcfe" in result.out
    assert UNDECODABLE in json.dumps(json.loads(result.out), ensure_ascii=False)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names there are Unicode")
def test_a_model_of_files_of_such_names_is_trained_exported_and_calibrated(aetk, foreign_table):
    table, run = foreign_table.rename(UNDECODABLE + ".csv"), "r" + UNDECODABLE
    for arguments in (
        ["train", table, "--label", "malignant", "--epochs", "1", "--device", "cpu", "--out", run],
        ["export", run, "--onnx"],
        ["threshold", f"exports/{run}.onnx", "--best-f1", "--data", table, "--label", "malignant"],
        ["verify", f"exports/{run}.onnx", "--run", run],
        ["inspect", f"exports/{run}.onnx"],
    ):
        result = aetk("utf-8", *arguments)
        assert result.code == 0, result
    assert "r\\xff\\xfe: aetk model" in result.out
    assert "rows of \\xff\\xfe.csv, fingerprint" in result.out


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's environment")
@pytest.mark.parametrize(
    "settings",
    [{"PYTHONIOENCODING": "cp932"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}],
    ids=lambda settings: " ".join(settings),
)
def test_the_settings_of_a_process_are_met(foreign_model, settings):
    environment = {**os.environ, "PYTHONUTF8": "0", **settings}
    command = [sys.executable, "-m", "aetk", "inspect", foreign_model]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"aetk model, contract 1" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_fault(foreign_model, whole_table, tmp_path, closed):
    command = f'"$0" -m aetk threshold "$1" --set 0.5 {closed}'
    arguments = ["bash", "-c", command, sys.executable, foreign_model]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_a_library_call_leaves_the_streams_as_they_are(model, monkeypatch):
    from aetk.edge.inspection import inspect

    stream = Terminal("cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    inspection(inspect(model))
    assert stream.errors == "strict"
