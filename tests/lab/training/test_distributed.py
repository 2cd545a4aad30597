"""Several processes under a real torchrun: they learn what one does, fail together, and go on to the same bits."""

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
import torch
from patience import PATIENCE, wait_until
from safetensors.torch import load_file

from aetk.cli.main import run
from aetk.lab.metrics import measure
from aetk.lab.runs import read_run
from aetk.lab.training.checkpoint import read_checkpoint

from . import group_child, held
from .fitting import one_thread
from .torchrun import QUICK, alone_under_torchrun, messages, start, torchrun, workers

ROOT = Path(__file__).resolve().parents[3]
__all__ = ["alone_under_torchrun"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds torchrun's workers in /proc")


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


CARDS = ("train", "cards", "--label", "Class", *QUICK)


@pytest.fixture(scope="session")
def pair(cards):
    """The run folder of two processes that nothing disturbed."""
    code, said = torchrun(cards, 2, *CARDS, "--out", "pair")
    assert code == 0, said
    assert said.count("rows of 30 features to fit on") == said.count("wrote: pair/") == 1
    return cards / "pair"


def same_files(one, other):
    return {
        name: (one / name).read_bytes() == (other / name).read_bytes()
        for name in ("model.safetensors", "calibration.safetensors", "history.json")
    }


@pytest.fixture(scope="session")
def parted(tmp_path_factory):
    """The folder of what the two processes of `group_child` wrote."""
    folder = tmp_path_factory.mktemp("group")
    process = start(ROOT, 2, "-m", "tests.lab.training.group_child", folder)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return folder


@pytest.fixture(scope="session")
def exchanged(parted):
    """What the two processes came to, by name."""
    return [load_file(parted / f"{rank}.safetensors") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-6), ("float64", 1e-11)])
def test_batchnorm_over_two_processes_is_that_of_the_whole_batch(exchanged, kind, tolerance):
    close = {"rtol": tolerance, "atol": tolerance}
    networks = group_child.networks(kind).train()
    first, second = ({n[8:]: t for n, t in part.items() if n.startswith(kind)} for part in exchanged)
    for step in range(group_child.STEPS):
        rows = group_child.batch(step, kind).requires_grad_()
        output = networks(rows)
        networks.zero_grad()
        output.square().mean().backward()
        halves = torch.cat([first[f"output.{step}"], second[f"output.{step}"]])
        torch.testing.assert_close(halves, output, **close)
        # each process's loss is the mean over its half of the rows, hence the 2
        gradients = torch.cat([first[f"input.{step}"], second[f"input.{step}"]]) / 2
        torch.testing.assert_close(gradients, rows.grad, **close)
        for name, parameter in networks.named_parameters():
            torch.testing.assert_close(first[f"gradient.{step}.{name}"], parameter.grad, **close)
            assert torch.equal(first[f"gradient.{step}.{name}"], second[f"gradient.{step}.{name}"])
    for name, tensor in networks.state_dict().items():
        torch.testing.assert_close(first[f"state.{name}"], tensor, **close)
        assert torch.equal(first[f"state.{name}"], second[f"state.{name}"])
    assert any(name.endswith("running_var") for name in networks.state_dict())


@pytest.mark.slow
def test_what_processes_exchange_arrives(exchanged):
    first, second = exchanged
    assert first["total"].tolist() == second["total"].tolist() == [3, 20]
    assert first["largest"].tolist() == second["largest"].tolist() == [1, 0]
    assert first["first"] == second["first"] == 7
    assert first["shared"] == second["shared"] == 0
    assert (first["collected"].tolist(), second["collected"].tolist()) == ([1], [])


@pytest.mark.slow
def test_no_thread_of_gloo_outlives_the_group(parted):
    """One that did could ask for the interpreter's lock while it ends, which aborts the process."""
    for rank in range(2):
        names = (parted / f"{rank}.threads").read_text().split()
        assert names
        assert not [name for name in names if "gloo" in name]


@pytest.mark.slow
def test_a_failure_of_one_process_is_raised_in_both(exchanged):
    assert all(bool(part["caught"]) for part in exchanged)


def quality(folder, rows, labels):
    """Average precision and AUROC of a run on rows that it has not seen."""
    with torch.no_grad():
        similarity = read_run(folder).detector(torch.from_numpy(rows.astype(np.float32)))[0].numpy()
    found = measure(similarity, labels, 0.5)
    return found.average_precision, found.auroc


def assert_within_the_spread_of_seeds(found, by_seed):
    for value, values in zip(found, zip(*by_seed, strict=True), strict=True):
        assert abs(value - mean(values)) <= 3 * max(stdev(values), 0.003), (value, values)


@pytest.mark.slow
def test_two_processes_find_frauds_as_well_as_one_does(pair, cards, creditcard, monkeypatch):
    monkeypatch.chdir(cards)
    test = pd.read_csv(creditcard / "test.csv").drop(columns="ID")
    rows, labels = test.drop(columns="Class").to_numpy(), test["Class"].to_numpy() == 1
    by_seed = []
    for seed in (41, 42, 43, 44):
        assert run([*CARDS, "--stream", "--seed", str(seed), "--out", f"one-{seed}"]) == 0
        by_seed.append(quality(cards / f"one-{seed}", rows, labels))
    assert_within_the_spread_of_seeds(quality(pair, rows, labels), by_seed)
    # the same rows to calibrate on, the same data, whoever read what
    assert (pair / "calibration.safetensors").read_bytes() == (cards / "one-41/calibration.safetensors").read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (pair, cards / "one-41")]
    assert records[0]["training_data"] == records[1]["training_data"]
    quantiles = [[feature["quantiles"] for feature in record["features"]] for record in records]
    assert quantiles[0] == quantiles[1]


@pytest.mark.slow
def test_two_processes_learn_a_set_of_adbench_as_well_as_one_does(creditcard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = np.load(creditcard.parent / "adbench/6_cardio.npz")
    rows, labels = file["X"].astype(np.float64), file["y"] == 1
    ordinary = rows[~labels]
    half = len(ordinary) // 2
    pd.DataFrame(ordinary[:half]).add_prefix("x").to_parquet("rows.parquet")  # a single row group
    test = np.concatenate([ordinary[half:], rows[labels]])
    truth = np.arange(len(test)) >= len(ordinary) - half
    by_seed = []
    for seed in (41, 42, 43, 44):
        assert run(["train", "rows.parquet", *QUICK, "--stream", "--seed", str(seed), "--out", f"one-{seed}"]) == 0
        by_seed.append(quality(tmp_path / f"one-{seed}", test, truth))
    code, said = torchrun(tmp_path, 2, "train", "rows.parquet", *QUICK, "--out", "pair")
    assert code == 0, said
    assert_within_the_spread_of_seeds(quality(tmp_path / "pair", test, truth), by_seed)


def test_one_process_under_torchrun_is_one_process_that_streams(cards, alone_under_torchrun, monkeypatch):
    monkeypatch.chdir(cards)
    assert run([*CARDS, "--out", "of-torchrun"]) == 0
    monkeypatch.delenv("RANK")
    assert run([*CARDS, "--stream", "--out", "streamed"]) == 0
    assert all(same_files(cards / "of-torchrun", cards / "streamed").values())


@pytest.mark.slow
def test_two_processes_stream_csv_to_the_weights_of_the_same_rows_as_parquet(pair, cards):
    pd.read_parquet(cards / "cards").to_csv(cards / "cards.csv", index=False)
    before = {path.name for path in cards.iterdir()}
    code, said = torchrun(cards, 2, "train", "cards.csv", *CARDS[2:], "--out", "pair-of-csv")
    assert code == 0, said
    assert all(same_files(cards / "pair-of-csv", pair).values())
    assert {path.name for path in cards.iterdir()} - before == {"pair-of-csv"}


def test_torchrun_without_streaming_is_refused(cards, alone_under_torchrun, monkeypatch, capsys):
    monkeypatch.chdir(cards)
    assert run([*CARDS, "--no-stream", "--out", "R"]) == 2
    assert "under torchrun rows are always streamed" in capsys.readouterr().err


def under_way(cards, name):
    """Two processes that have saved their start and stand still some steps later; returns torchrun's process."""
    shutil.rmtree(cards / name, ignore_errors=True)
    for left in [*cards.glob("held-*"), *cards.glob("go")]:
        left.unlink()
    process = start(cards, 2, held.__file__, *CARDS, "--out", name)
    wait_until(lambda: process.poll() is not None or len(list(cards.glob("held-*"))) == 2)
    assert process.poll() is None, process.stdout.read()
    return process


@pytest.mark.slow
def test_after_a_killed_process_the_other_ends_with_a_message_and_resume_ends_in_the_same_weights(pair, cards):
    process = under_way(cards, "killed")
    os.kill(workers(process)[0], signal.SIGKILL)  # the first, which writes; the other has to speak
    (cards / "go").touch()
    said, _ = process.communicate(timeout=PATIENCE)
    (message,) = messages(said)
    assert re.search(r"Lost another process of this fit in step \d+ of 100; step 0 is the last that is saved", message)
    assert "rank      : 1 (local_rank: 1)\n  exitcode  : 3" in said
    assert "aetk/lab" not in said  # no traceback of ours

    assert "torchrun --nproc-per-node 2 -m aetk train cards --resume --out killed" in message
    code, said = torchrun(cards, 2, "train", "cards", "--resume", "--out", "killed")
    assert code == 0, said
    assert all(same_files(cards / "killed", pair).values())


@pytest.mark.slow
def test_sigterm_to_torchrun_saves_the_step_and_another_number_of_processes_cannot_go_on(
    pair, cards, alone_under_torchrun, monkeypatch, capsys
):
    process = under_way(cards, "stopped")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE)
    (message,) = messages(said)
    step = int(re.search(r"Stopped after step (\d+) of 100; everything so far is saved", message)[1])
    assert 0 < step < 100
    assert read_checkpoint(cards / "stopped/checkpoint.safetensors").progress.step == step
    assert "aetk/lab" not in said

    monkeypatch.chdir(cards)
    for environment, words in (({}, "by torchrun with 1 process"), ({"RANK": None}, "without torchrun")):
        for name in environment:
            monkeypatch.delenv(name)
        assert run(["train", "--resume", "--out", "stopped"]) == 2
        assert f"started by torchrun with 2 processes, this one {words}." in capsys.readouterr().err


@pytest.mark.slow
def test_a_bad_cell_in_the_last_file_is_named_once_and_both_end_with_2(cards, tmp_path):
    shutil.copytree(cards / "cards", tmp_path / "cards")
    last = tmp_path / "cards/part-2.parquet"
    frame = pd.read_parquet(last)
    frame.loc[frame.index[-3], "V7"] = np.inf
    frame.to_parquet(last, row_group_size=500, index=False)
    code, said = torchrun(tmp_path, 2, *CARDS, "--out", "R")
    assert code == 1  # torchrun's own
    (message,) = messages(said)
    assert "1 missing or infinite values in 1 rows, the first in cards, row 5873, column 'V7'" in message
    assert "--missing median" in said
    assert "exitcode  : 2" in said
    assert "aetk/lab" not in said
    assert not (tmp_path / "R").exists()


@pytest.mark.slow
def test_a_loss_that_is_not_finite_in_one_process_ends_both(cards, tmp_path):
    shutil.copytree(cards / "cards", tmp_path / "cards")
    last = tmp_path / "cards/part-2.parquet"
    pd.read_parquet(last).assign(V7=3e38).to_parquet(last, row_group_size=500, index=False)
    code, said = torchrun(tmp_path, 2, *CARDS, "--recipe", "reference", "--out", "R")
    assert code == 1
    (message,) = messages(said)
    assert "The loss is not finite in epoch 1, batch 1; columns at fault: V7." in message
    assert "exitcode  : 1" in said
    assert "aetk/lab" not in said
