"""What a C file may use, and how it may be compiled."""

import shutil

import pytest

from aetk.edge.embed import embed_c

from .conftest import STRICT, compiled, run

SYMBOLS = {"expf", "sqrtf", "memcpy", "memset"}
NAMES = ["default explained", "small", "reference", "wide and imputing explained"]


@pytest.fixture(params=NAMES)
def app(compiler, shapes, tmp_path, request):
    embed_c(shapes[request.param], tmp_path / "app")
    return tmp_path / "app"


@pytest.mark.parametrize("optimise", ["-O0", "-Os", "-O2", "-O3"])
def test_it_calls_four_functions_and_keeps_no_memory(app, optimise):
    compiled(app, optimise, "-fno-stack-protector", "-c", out="detector.o")
    undefined = set(run(["nm", "--undefined-only", "-j", app / "detector.o"]).stdout.split())
    assert undefined - {"_GLOBAL_OFFSET_TABLE_"} <= SYMBOLS
    sizes = dict(line.split()[:2] for line in run(["size", "-A", app / "detector.o"]).stdout.splitlines()[2:] if line)
    assert {sizes.get(".data"), sizes.get(".bss")} == {"0"}
    defined = {
        line.split()[-1]
        for line in run(["nm", "--extern-only", "--defined-only", app / "detector.o"]).stdout.splitlines()
    }
    assert defined == {"detector_decide", "detector_decide_rows"}


@pytest.mark.parametrize("flag", ["-ffast-math", "-ffinite-math-only", "-Ofast"])
def test_flags_that_let_rows_with_nan_pass_do_not_compile(app, flag):
    done = run(["cc", flag, "-c", "detector.c"], cwd=app)
    assert done.returncode != 0
    assert "Compile without -ffast-math" in done.stderr


def test_sanitizers_find_nothing(app):
    flags = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-static-libasan")
    if run(["cc", *flags, "-x", "c", "-", "-o", app / "probe"], input="int main(void){return 0;}").returncode:
        pytest.skip("the compiler has no sanitizers")
    done = run([compiled(app, *flags, sources=("selftest.c", "detector.c"), out="selftest")])
    assert (done.returncode, done.stderr) == (0, "")


def test_clang_has_no_warning_and_the_same_answers(app):
    if shutil.which("clang") is None:
        pytest.skip("there is no clang")
    done = run(["clang", *STRICT, "-O3", "selftest.c", "detector.c", "-o", "selftest", "-lm"], cwd=app)
    assert (done.returncode, done.stderr) == (0, "")
    done = run([app / "selftest"])
    assert done.returncode == 0, done.stdout


def test_cpp_calls_it(app):
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler")
    (app / "caller.cpp").write_text(
        '#include "detector.h"\n#include "golden.h"\nstatic const char *const names[] = {DETECTOR_FEATURE_NAMES};\n'
        "int main() {\n  detector_decision found;\n#if DETECTOR_EXPLAINS\n"
        "  detector_decide(golden_inputs.values, DETECTOR_THRESHOLD, &found, nullptr);\n#else\n"
        "  detector_decide(golden_inputs.values, DETECTOR_THRESHOLD, &found);\n#endif\n"
        "  const bool same = found.is_valid == (golden_is_valid[0] == 1);\n"
        "  return sizeof names / sizeof *names == DETECTOR_FEATURES && same ? 0 : 1;\n}\n"
    )
    compiled(app, "-O1", "-c", out="detector.o")
    done = run(["c++", "-Wall", "-Wextra", "caller.cpp", "detector.o", "-o", "caller"], cwd=app)
    assert (done.returncode, done.stderr) == (0, "")
    assert run([app / "caller"]).returncode == 0


def test_cmake_builds_it_and_runs_the_self_test(app):
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake")
    for command in (["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"], ["build/selftest"]):
        done = run(command, cwd=app)
        assert done.returncode == 0, done.stdout + done.stderr
