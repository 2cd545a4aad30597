"""The self-test that comes with a C file passes, and fails where anything in the file was changed."""

import re

import pytest

from aetk.edge.embed import embed_c
from aetk.edge.model import load

from .conftest import compiled, run


@pytest.fixture
def app(compiler, model, tmp_path):
    embed_c(model, tmp_path / "app")
    return tmp_path / "app"


def selftest(app, *flags):
    program = compiled(app, "-O1", *flags, sources=("selftest.c", "detector.c"), out="selftest")
    return run([program])


def rewrite(app, name, pattern, change):
    text = (app / name).read_text(encoding="utf-8")
    changed, count = re.subn(pattern, change, text, count=1)
    assert count == 1
    assert changed != text
    (app / name).write_text(changed, encoding="utf-8")


def test_it_passes_and_says_what_was_replayed(app, model):
    done = selftest(app)
    assert done.returncode == 0
    rows = len(load(model).card.golden)
    assert re.fullmatch(
        rf"passed: {rows} golden rows, 0 decisions and 0 validities differ, 0 break the rule; "
        r"largest difference 0\.000000\d{3}\n",
        done.stdout,
    )


@pytest.mark.parametrize("name", ["default explained", "small", "wide and imputing explained", "one column"])
def test_it_passes_for_other_shapes(shapes, compiler, tmp_path, name):
    embed_c(shapes[name], tmp_path / "app")
    done = selftest(tmp_path / "app")
    assert done.returncode == 0, done.stdout


def test_a_changed_weight_fails(app):
    rewrite(app, "detector.c", r"(c_networks_0_0_weight\[\d+\] = \{\n    )[^,]+", r"\g<1>9.0f")
    done = selftest(app)
    assert done.returncode == 1
    assert done.stdout.startswith("FAILED: ")


def test_swapped_columns_fail(app):
    rewrite(app, "detector.c", r"row\[i\] : ", "row[i < 2 ? 1 - i : i] : ")
    assert selftest(app).returncode == 1


@pytest.mark.parametrize("moved", ["+ 0.0002f", "- 0.0002f"])
def test_a_moved_threshold_fails(app, moved):
    rewrite(app, "detector.h", r"#define DETECTOR_THRESHOLD (\S+)", rf"#define DETECTOR_THRESHOLD (\1 {moved})")
    done = selftest(app)
    assert done.returncode == 1
    assert not re.search(r" 0 decisions", done.stdout)


def test_a_row_that_is_not_checked_for_missing_values_fails(app):
    rewrite(app, "detector.c", r"3\.39999995e\+38f", "-1.0f")
    assert selftest(app).returncode == 1


def test_blocks_of_rows_are_replayed_too(app):
    rewrite(app, "detector.c", r"(static void decide_block[\s\S]*decision\[r\]\.similarity = )", r"\g<1>0.5f * ")
    assert selftest(app).returncode == 1
    assert selftest(app, "-DDETECTOR_WITHOUT_ROWS").returncode == 0


def test_a_board_gives_its_own_letters_and_its_own_main(app):
    (app / "board.c").write_text(
        "#include <stdio.h>\nint uart(int letter);\nint detector_selftest(void);\n"
        "int uart(int letter) { return fputc(letter, stderr); }\nint main(void) { return detector_selftest(); }\n"
    )
    flags = ("-DSELFTEST_PUT=uart", "-DSELFTEST_WITHOUT_MAIN")
    done = run([compiled(app, *flags, sources=("selftest.c", "detector.c", "board.c"), out="board")])
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("passed: ")


def test_make_builds_and_runs_it(app):
    done = run(["make", "check", "CFLAGS=-O1"], cwd=app)
    assert done.returncode == 0, done.stderr
    assert "passed: " in done.stdout
    assert done.stderr == ""


def test_make_size_shows_flash_and_stack(app):
    done = run(["make", "size", "CFLAGS=-O1"], cwd=app)
    assert done.returncode == 0, done.stderr
    assert "detector_decide" in done.stdout
