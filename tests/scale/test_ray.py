"""Ray gives the scores of `aetk score`, also if workers or the driver are killed on the way."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import time
from contextlib import contextmanager

from patience import PATIENCE

from aetk.edge.model import card_path, load

from .conftest import FILES, FULL, MODEL, ROWS, aetk, command, rows_per_second

RUNS = 3 if FULL else 1
LARGEST_WORKER = 2**30


class Driver:
    """`aetk score --engine ray`, running."""

    def __init__(self, process, out, workers):
        self._process, self._out, self._workers = process, out, workers

    def files(self):
        """How many are there."""
        return len(list(self._out.glob("[!._]*.parquet")))

    def reach(self, files):
        """Wait until so many files are there."""
        while self.files() < files:
            assert self._process.poll() is None, "it ended before it could be disturbed"
            self._workers.seen()
            time.sleep(0.02)

    def kill(self):
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def terminate(self):
        """Ask it to end; its exit code and what it says."""
        self._process.terminate()
        _, errors = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, errors.decode()

    def report(self):
        """What it says in the end."""
        while self._process.poll() is None:
            self._workers.seen()
            time.sleep(0.02)
        text, errors = self._process.communicate()
        assert self._process.returncode == 0, errors.decode()
        return json.loads(text)


@contextmanager
def driving(data, out, cluster, workers):
    arguments = command("score", MODEL, data, "--engine", "ray", "--out", out)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cluster) as process:
        yield Driver(process, out, workers)


def test_it_scores_as_one_machine_does(data, whole, cluster, workers, place, figures):
    ours, rays = [whole.rows_per_second], []
    for run in range(RUNS):
        if run:
            ours.append(rows_per_second(aetk("score", MODEL, data, "--out", place / "again.parquet")))
        out = place / f"undisturbed-{run}"
        with driving(data, out, cluster, workers) as driver:
            report = driver.report()
        rays.append(report["rows_per_second"])
        held = whole.holds(out)
        shutil.rmtree(out)
    assert workers.most < LARGEST_WORKER
    figures["ray"] = {
        "rows": ROWS,
        "files": FILES,
        "workers": report["workers"],
        **held,
        "rows_per_second": rays,
        "aetk_score_rows_per_second": ours,
        "ratio": statistics.median(rays) / statistics.median(ours),
        "largest_worker_bytes": workers.most,
    }


def test_no_row_is_lost_or_doubled_when_a_worker_and_then_the_driver_are_killed(
    data, whole, cluster, workers, place, figures
):
    out = place / "disturbed"
    with driving(data, out, cluster, workers) as driver:
        driver.reach(FILES // 8)
        victim = workers.seen()[0]
        os.kill(victim, signal.SIGKILL)
        driver.reach(FILES // 2)
        assert victim not in workers.seen()
        driver.kill()
        left = driver.files()
    workers.gone()
    with driving(data, out, cluster, workers) as driver:
        report = driver.report()
    assert left <= report["found"] < FILES
    assert report["rows"] == ROWS
    held = whole.holds(out)
    figures["ray_killed"] = {"rows": ROWS, "found_by_the_second_driver": report["found"], **held}
    shutil.rmtree(out)


def test_a_worker_that_dies_costs_nothing_but_time(data, whole, cluster, workers, place):
    out = place / "one-worker-killed"
    with driving(data, out, cluster, workers) as driver:
        driver.reach(FILES // 4)
        os.kill(workers.seen()[-1], signal.SIGKILL)
        report = driver.report()
    assert report["found"] == 0
    whole.holds(out)
    shutil.rmtree(out)


def test_a_threshold_is_that_of_one_machine(data, cluster, place, figures):
    folders = [place / "ours", place / "rays"]
    for folder in folders:
        folder.mkdir()
        for path in (MODEL, card_path(MODEL)):
            shutil.copy(path, folder)
    ours, rays = (folder / MODEL.name for folder in folders)
    started = time.perf_counter()
    report = aetk("threshold", rays, "--false-alarms", 0.001, "--data", data, "--engine", "ray", environment=cluster)
    seconds = time.perf_counter() - started
    aetk("threshold", ours, "--false-alarms", 0.001, "--data", data)
    expected = load(ours).card.threshold
    assert abs(load(rays).card.threshold.value - expected.value) <= 1e-6
    assert report["after"]["rows"] == expected.rows
    assert report["after"]["alarms"]["expected"] <= 1
    figures["ray_threshold"] = {
        "rows": expected.rows,
        "seconds": seconds,
        "value": report["after"]["value"],
        "in_memory": expected.value,
    }


def test_bad_data_ends_a_job_with_one_message(data, cluster, place):
    import pyarrow.parquet as pq

    folder = place / "bad"
    folder.mkdir()
    for path in sorted(data.glob("*.parquet"))[:3]:
        shutil.copy(path, folder)
    content = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(0).column(9).data_page_offset
    content[middle : middle + 4000] = bytes(4000)
    (folder / path.name).write_bytes(content)
    arguments = command("score", MODEL, folder, "--engine", "ray", "--out", place / "bad-scores")
    done = subprocess.run(arguments, capture_output=True, text=True, env=cluster, check=False)
    assert done.returncode == 2
    assert "damaged Parquet file" in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_ends_the_driver_and_its_workers(data, cluster, workers, place):
    out = place / "stopped"
    with driving(data, out, cluster, workers) as driver:
        driver.reach(4)
        code, errors = driver.terminate()
    assert code == 143
    assert "Traceback" not in errors
    workers.gone()


def test_more_workers_than_there_is_room_for_are_refused(data, cluster, place):
    arguments = command("score", MODEL, data, "--engine", "ray", "--out", place / "room", "--workers", 99)
    done = subprocess.run(arguments, capture_output=True, text=True, env=cluster, check=False)
    assert done.returncode == 2
    assert "99 workers of 1 and 0 were asked for" in done.stderr
