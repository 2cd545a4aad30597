"""Thirty small tables as their owners keep them: trained rightly, as typed or by the first message's command."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aetk.cli.main import run
from aetk.lab.data.dataset import load_looked
from aetk.lab.training import plan

CASES = Path(__file__).resolve().parents[4] / "shared/cases/tables"
NETWORK = [
    "Destination Port", "Flow Duration", "Total Fwd Packets", "Total Backward Packets", "Total Length of Fwd Packets",
    "Total Length of Bwd Packets", "Fwd Packet Length Max", "Fwd Packet Length Min", "Fwd Packet Length Mean",
    "Bwd Packet Length Max", "Bwd Packet Length Min", "Bwd Packet Length Mean", "Flow Bytes/s", "Flow Packets/s",
    "Flow IAT Mean", "Flow IAT Max", "Fwd Header Length", "Bwd Header Length", "Packet Length Mean",
    "Average Packet Size",
]  # fmt: skip
CELLS = [
    "ClumpThikcness", "UCSize", "UCShape", "MarginalAdhesion", "SECSize", "BareNuclei", "BlandChromatin",
    "NormalNucleoli", "Mitoses",
]  # fmt: skip
AIR = [
    "CO(GT)", "PT08.S1(CO)", "NMHC(GT)", "C6H6(GT)", "PT08.S2(NMHC)", "NOx(GT)", "PT08.S3(NOx)", "NO2(GT)",
    "PT08.S4(NO2)", "PT08.S5(O3)", "T", "RH", "AH",
]  # fmt: skip


def numbered(first, last, *without):
    return [f"c{i}" for i in range(first, last + 1) if i not in without]


@dataclass(frozen=True)
class Right:
    """The right reading of a case: commands it takes, features, rows, anomalies (None without labels), some cells."""

    commands: int
    features: list
    rows: int
    anomalies: int | None = None
    first: dict = field(default_factory=dict)
    last: dict = field(default_factory=dict)


RIGHT = {
    "comment-lines": Right(1, ["a", "b"], 40, first={"a": 0.261, "b": -0.944}),
    "cp1252-excel": Right(1, ["Temperatur °C", "Druck", "Anteil"], 40, first={"Anteil": 16.8, "Druck": 1017.9}),
    "decimal-comma": Right(2, AIR, 39, first={"CO(GT)": 2.6, "AH": 0.7578}),
    "duplicate-column": Right(
        1, ["Destination Port", "Flow Duration", "Fwd Header Length", "Flow Bytes/s"], 40, 5, {"Fwd Header Length": 60}
    ),
    "gzip": Right(1, [f"f{i}" for i in range(1, 10)], 39, 5, {"f1": 50}),
    "hex-ids": Right(1, ["id", "dlc", "d0", "d1"], 40, first={"id": 0x260, "d0": 0x0B, "d1": 0x6F}),
    "json-lines": Right(
        1,
        [
            "id.orig_p",
            "id.resp_p",
            "proto",
            "service",
            "duration",
            "orig_bytes",
            "resp_bytes",
            "conn_state",
            "missed_bytes",
            "history",
            "orig_pkts",
            "orig_ip_bytes",
            "resp_pkts",
            "resp_ip_bytes",
        ],
        40,
        first={"id.orig_p": 49187, "resp_ip_bytes": 455},
    ),
    "label-2-4": Right(2, CELLS, 42, 15, {"ClumpThikcness": 5, "Mitoses": 1}),
    "label-minus": Right(2, ["0", "1", "2", "3"], 40, 4, {"0": 3077.29, "3": 1413.2672}),
    "label-space": Right(1, [f" L_T{i}" for i in range(1, 8)], 39, 0, {" L_T1": 2.44}),
    "label-text": Right(1, NETWORK, 39, 13, {"Destination Port": 53}),
    "label-true-false": Right(1, ["vibration", "temperature", "pressure"], 39, 1, {"vibration": 2.334288551152124}),
    "no-header-comma": Right(2, numbered(1, 43, 42), 40, 21, {"c1": 0, "c5": 491, "c43": 20}),
    "no-header-silent": Right(1, numbered(1, 12), 40, first={"c1": 1, "c2": -0.11252183}),
    "question-mark": Right(2, CELLS, 44, 16, {"ClumpThikcness": 5}),
    "semicolon": Right(
        1,
        [
            "Accelerometer1RMS",
            "Accelerometer2RMS",
            "Current",
            "Pressure",
            "Temperature",
            "Thermocouple",
            "Voltage",
            "Volume Flow RateRMS",
        ],
        39,
        0,
        {"Voltage": 233.062},
    ),
    "spaces-after-comma": Right(1, ["a", "b", "c"], 40, first={"a": 0.185, "b": -0.184, "c": 1.471}),
    "spaces-header": Right(2, numbered(1, 26, 2), 39, first={"c1": 1, "c26": 23.419}),
    "spaces-no-header": Right(1, numbered(1, 12), 40, first={"c1": 0.25025, "c12": 48.281}),
    "text-category": Right(
        1,
        [
            "Type",
            "Air temperature [K]",
            "Process temperature [K]",
            "Rotational speed [rpm]",
            "Torque [Nm]",
            "Tool wear [min]",
            "TWF",
            "HDF",
            "PWF",
            "OSF",
            "RNF",
        ],
        39,
        0,
        {"Air temperature [K]": 298.1},
    ),
    "thousands": Right(1, ["amount", "share"], 40, first={"amount": 9635.24, "share": 34.1}),
    "timestamp": Right(1, ["value"], 39, first={"value": 73.96732207}, last={"value": 82.88189183}),
    "totals-row": Right(1, ["orders", "amount"], 40, first={"orders": 66}, last={"orders": 73, "amount": 854.26}),
    "trailing-delimiter": Right(1, ["a", "b", "c"], 40, first={"a": 1.29, "c": 0.578}),
    "trailing-delimiter-rows": Right(1, ["a", "b", "c"], 40, first={"a": 0.15, "c": -2.084}),
    "units-row": Right(2, ["AirTemp_C", "RH", "WindSpeed_ms"], 36, first={"AirTemp_C": 20.58, "WindSpeed_ms": 1.69}),
    "units-row-2": Right(1, ["ECG1", "ECG2"], 40, first={"ECG1": 0.15, "ECG2": 0.38}),
    "unnamed-index": Right(
        1, ["Time", "V1", "V2", "V3", "V4", "V5", "V6", "Amount"], 39, 0, {"Time": 73479, "Amount": 25.99}
    ),
    "utf16-excel": Right(1, ["a", "b"], 40, first={"a": -0.376, "b": -1.641}),
    "yes-no": Right(
        1,
        [
            "insurance_type",
            "age",
            "vehicle_age",
            "claim_amount",
            "annual_premium",
            "incidents",
            "witness_count",
            "policy_type",
            "collision_type",
            "police_report",
        ],
        39,
        0,
        {"age": 23, "police_report": 0},
    ),
    "zeek-tsv": Right(
        2,
        [
            "id.orig_p",
            "id.resp_p",
            "proto",
            "duration",
            "orig_bytes",
            "resp_bytes",
            "conn_state",
            "missed_bytes",
            "history",
            "orig_pkts",
            "orig_ip_bytes",
            "resp_pkts",
            "resp_ip_bytes",
        ],
        32,
        1,
    ),
}


@pytest.mark.skipif(not CASES.exists(), reason="no cases beside the checkout")
def test_every_case_is_here():
    assert {path.name for path in CASES.iterdir() if path.is_dir()} == {*RIGHT}


@pytest.mark.skipif(not CASES.exists(), reason="no cases beside the checkout")
@pytest.mark.parametrize("name", RIGHT)
def test_a_table_as_its_owner_keeps_it_is_trained_on_rightly(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(CASES / name)
    trained_on = []

    def load(*arguments):
        trained_on.append(load_looked(*arguments))
        return trained_on[-1]

    monkeypatch.setattr(plan, "load_looked", load)
    typed = (CASES / name / "run.sh").read_text().strip().splitlines()[-1].split('"${AETK:-aetk}" ')[1]
    words = shlex.split(typed.replace("$out", str(tmp_path)))
    commands = 1
    if run([*words, "--device", "cpu"]) != 0:
        commands, message = 2, capsys.readouterr().err
        ready = shlex.split(message.split("Train with:\n")[1].splitlines()[0])
        assert ready[0] == "aetk"
        assert run(ready[1:]) == 0, message
    assert commands == RIGHT[name].commands
    (read,) = trained_on
    right = RIGHT[name]
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert [feature["name"] for feature in record["features"]] == list(read.features) == right.features
    assert len(read.rows) == right.rows
    assert (None if read.labels is None else int(read.labels.sum())) == right.anomalies
    for row, cells in ((read.rows[0], right.first), (read.rows[-1], right.last)):
        found = dict(zip(read.features, row.tolist(), strict=True))
        assert {column: found[column] for column in cells} == cells
