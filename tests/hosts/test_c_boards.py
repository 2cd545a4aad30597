"""`aetk embed c` on emulated targets: every golden row decides as on the machine of the export, without any runtime."""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from aetk.edge.embed import embed_c
from aetk.edge.model import load

from .conftest import leave_out

BOARDS = Path(__file__).parent / "boards"
STRICT = shlex.split("-std=c99 -pedantic -Wall -Wextra -Wconversion -Wdouble-promotion -ffp-contract=off -Werror")
MODELS = ["default", "small", "reference", "explained", "median", "retuned"]
ARM = "qemu-system-arm -nographic -monitor none -serial none -semihosting-config enable=on,target=native -machine"
RV32 = (
    "qemu-system-riscv32 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -bios none "
    "-machine virt -kernel"
)
BARE = "-O2 -DDETECTOR_WITHOUT_ROWS -DSELFTEST_PUT=board_put"
LARGEST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Target:
    """A target: its compiler, its flags, the board's files, and how QEMU runs a program for it."""

    compiler: str
    flags: str
    run: str
    board: str = ""
    libraries: str = "-lm"

    @property
    def tools(self):
        return [self.compiler.split()[0], self.run.split()[0]]


def cortex(machine, flags):
    files = "--specs=nosys.specs -nostartfiles -lm"
    return Target("arm-none-eabi-gcc -mthumb", f"{BARE} {flags}", f"{ARM} {machine} -kernel", "cortex_m", files)


M4F = "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard"
TARGETS = {
    "Cortex-M3": cortex("mps2-an385", "-mcpu=cortex-m3"),
    "Cortex-M4F": cortex("mps2-an386", M4F),
    "Cortex-M7": cortex("mps2-an500", "-mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard"),
    "Cortex-M55 with Helium": cortex("mps3-an547", "-O3 -mcpu=cortex-m55 -mfloat-abi=hard"),
    "aarch64": Target("aarch64-linux-gnu-gcc -static", "-O3", "qemu-aarch64"),
    "riscv64": Target("riscv64-linux-gnu-gcc -static", "-O3", "qemu-riscv64"),
    "rv32": Target(
        "riscv64-unknown-elf-gcc --specs=picolibc.specs -march=rv32imafc -mabi=ilp32f",
        BARE, RV32, "riscv", "-nostartfiles -lm",
    ),
}  # fmt: skip


def check_tools(target):
    missing = [tool for tool in target.tools if shutil.which(tool) is None]
    if missing:
        leave_out(f"the target needs {', '.join(missing)}")


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def build(target, app, main="selftest.c"):
    """Compile an app for a target, without a warning, and return the program."""
    compiler, flags, linked = target.compiler.split(), target.flags.split(), []
    for source in (main, "detector.c"):
        path = BOARDS / source if (BOARDS / source).exists() else app / source
        done = run([*compiler, *STRICT, *flags, "-I", app, "-c", path, "-o", app / f"{path.stem}.o"])
        assert (done.returncode, done.stderr) == (0, "")
        linked.append(app / f"{path.stem}.o")
    if target.board:
        linked += [BOARDS / f"{target.board}.c", "-T", BOARDS / f"{target.board}.ld"]
    done = run([*compiler, *flags, *linked, *target.libraries.split(), "-o", app / "program"])
    assert done.returncode == 0, done.stderr
    return app / "program"


def verdict(target, program):
    done = run([*shlex.split(target.run), program], timeout=600)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", params=TARGETS.values(), ids=TARGETS)
def target(request):
    check_tools(request.param)
    return request.param


@pytest.mark.parametrize("name", MODELS)
def test_every_golden_row_decides_as_at_the_export(target, models, tmp_path, name):
    embed_c(models[name], tmp_path / "app")
    code, said = verdict(target, build(target, tmp_path / "app"))
    assert code == 0, said
    rows, difference = re.search(r"passed: (\d+) golden rows, 0 decisions .* ([0-9.]+)$", said.strip()).groups()
    assert int(rows) == len(load(models[name]).card.golden)
    assert float(difference) <= LARGEST_DIFFERENCE


def test_rounded_weights_decide_their_golden_rows(target, models, tmp_path):
    embed_c(models["small"], tmp_path / "app", weights="int16")
    code, said = verdict(target, build(target, tmp_path / "app"))
    assert code == 0, said
    assert float(said.split()[-1]) <= LARGEST_DIFFERENCE


def test_the_boards_exit_code_tells_of_a_changed_threshold(target, models, tmp_path):
    embed_c(models["small"], tmp_path / "app")
    header = tmp_path / "app/detector.h"
    moved, count = re.subn(r"(#define DETECTOR_THRESHOLD) \S+", r"\1 0.5f", header.read_text())
    assert count == 1
    header.write_text(moved)
    code, said = verdict(target, build(target, tmp_path / "app"))
    assert code == 1, said
    assert said.startswith("FAILED: ")


SYMBOLS = {"expf", "sqrtf", "memcpy", "memset"}


@pytest.mark.parametrize("name", ["default", "explained", "median"])
def test_a_board_needs_four_functions_and_no_memory_of_its_own(models, tmp_path, name):
    target = TARGETS["Cortex-M4F"]
    check_tools(target)
    embed_c(models[name], tmp_path / "app")
    build(target, tmp_path / "app")
    listed = run(["arm-none-eabi-nm", "--undefined-only", "-j", tmp_path / "app/detector.o"]).stdout.split()
    assert {"expf", "sqrtf"} & set(listed)
    assert set(listed) <= SYMBOLS
    sizes = run(["arm-none-eabi-size", tmp_path / "app/detector.o"]).stdout.splitlines()[1].split()
    assert sizes[1:3] == ["0", "0"]  # data, bss


# bytes of flash and stack, and instructions a row, that are not to be passed: what was measured, and a tenth
LARGEST = {
    "small": (15_300, 760, 34_000),
    "reference": (91_500, 1_120, 97_000),
    "default": (220_000, 2_750, 444_000),
}


@pytest.mark.parametrize("name", LARGEST)
def test_a_cortex_m4f_has_room_and_time_for_each_recipe(models, tmp_path, name):
    target = TARGETS["Cortex-M4F"]
    check_tools(target)
    embed_c(models[name], tmp_path / "app")
    program = build(target, tmp_path / "app", "count.c")
    flash, stack, instructions = LARGEST[name]
    assert int(run(["arm-none-eabi-size", tmp_path / "app/detector.o"]).stdout.splitlines()[1].split()[0]) <= flash
    compile_only = [*target.compiler.split(), *target.flags.split(), "-fstack-usage", "-ffp-contract=off", "-c"]
    assert run([*compile_only, "detector.c", "-o", "usage.o"], cwd=tmp_path / "app").returncode == 0
    usage = [int(line.split()[1]) for line in (tmp_path / "app/usage.su").read_text().splitlines()]
    assert sum(usage) <= stack  # none calls itself
    counted = run([*shlex.split(target.run.replace("-machine", "-icount shift=0 -machine")), program])
    assert 0 < int(counted.stdout + counted.stderr) <= instructions
