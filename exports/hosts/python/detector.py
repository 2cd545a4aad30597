"""A detector made by aetk, to copy into an app with `gate.py`, `named_rows.py`, `reading.py` and `text_tables.py`.

It needs NumPy and ONNX Runtime (1.17 or newer), no more.

    detector = Detector("model/detector.onnx")
    scores = detector.score([detector.row({"V1": 0.3, "V2": -1.2, ...})])
    if scores.is_anomaly[0]: ...

From the command line: `python detector.py selftest` and `python detector.py score TABLE.csv`; `--help` says more.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import ctypes
import io
import itertools
import json
import math
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gate
import named_rows
import numpy as np
import reading
from text_tables import NUMBER, STANDARD, Batch, Problem, escaped, read_table, title

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before ONNX Runtime is loaded, which would send usage data
import onnxruntime

OPTIONS = {  # without which they may compute in less than float32
    "CUDAExecutionProvider": {"use_tf32": "0"},
    "MIGraphXExecutionProvider": {"migraphx_fp16_enable": "0"},
}
_F32 = json.dumps({device: {"INFERENCE_PRECISION_HINT": "f32"} for device in ("CPU", "GPU", "NPU")})
if tuple(map(int, re.findall(r"\d+", onnxruntime.__version__)[:2])) >= (1, 24):  # before, it took the path of a file
    OPTIONS["OpenVINOExecutionProvider"] = {"load_config": _F32}
_DEVICE = {  # the option that picks a device
    "CUDAExecutionProvider": "device_id",
    "TensorrtExecutionProvider": "device_id",
    "DmlExecutionProvider": "device_id",
    "MIGraphXExecutionProvider": "device_id",
    "OpenVINOExecutionProvider": "device_type",
}
_UNJUDGED = -1.0


class Scores(NamedTuple):
    """The verdicts on some rows.

    Attributes:
        similarity: float32 [rows], -1 to 1; exactly -1 where a row could not be judged.
        is_anomaly: bool [rows], not (similarity >= threshold).
        is_valid: bool [rows], False where a row could not be judged.
        contribution: float32 [rows, features], each feature's share of 1 - similarity; None if the model has none.
    """

    similarity: np.ndarray
    is_anomaly: np.ndarray
    is_valid: np.ndarray
    contribution: np.ndarray | None


class Selftest(NamedTuple):
    """What came of replaying the golden rows.

    Attributes:
        rows: how many there are.
        near_ties: so close to the threshold that rounding may decide them either way; their decision is not compared.
        flipped_decisions, flipped_validity: rows judged differently here.
        broken_rule: rows whose outputs contradict one another.
        largest_difference: of similarity, infinite where there is none.
        tolerance: what it was held against.
        runtime, provider: what ran.
        microseconds: the median time of one row's decision.
    """

    rows: int
    near_ties: int
    flipped_decisions: int
    flipped_validity: int
    broken_rule: int
    largest_difference: float
    tolerance: float
    runtime: str
    provider: str
    microseconds: float

    @property
    def passed(self) -> bool:
        """Whether this machine decides as the golden rows say."""
        wrong = self.flipped_decisions + self.flipped_validity + self.broken_rule
        return wrong == 0 and self.largest_difference <= self.tolerance


class Detector:
    """A model and its card, held against each other.

    Attributes:
        features: the names of the model's inputs, in order.
        columns: the columns of a table that they are made of: the names that `row` takes.
        encodings: how the cells of those columns become inputs, one for each feature.
        table: the format of the text files that the model was trained on.

    Args:
        model: the `.onnx` file. A card beside it (`NAME.card.json`) must be the one inside it.
        provider: the execution provider that must run all of it, a device after a colon (`CUDAExecutionProvider:1`,
            `OpenVINOExecutionProvider:GPU`); none is replaced by another.
        threads: of one call; None leaves the choice to ONNX Runtime.
        trusted_key: a public Ed25519 key (PEM) whose owner must have signed the file; needs cryptography.

    Raises:
        Problem: with exit code 2 for a file that is not such a model, 1 where it was changed or not signed, 3 where the
            provider cannot run it.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        provider: str = "CPUExecutionProvider",
        threads: int | None = None,
        trusted_key: str | Path | None = None,
    ) -> None:
        self.path, self.provider = Path(model), provider
        data, self.card = _let_in(self.path, trusted_key)
        self.features: list[str] = [feature["name"] for feature in self.card["features"]]
        with _refusals(f"{self.path}: "):
            self.table = reading.read_format(self.card.get("table"))
            self.encodings = [reading.read_encoding(feature) for feature in self.card["features"]]
        self.columns = list(dict.fromkeys(encoding.column for encoding in self.encodings))
        self._converters = reading.converters(dict(zip(self.features, self.encodings)), self.table)
        self.threshold = float(self.card["threshold"]["value"])
        self.tolerance = float(self.card["similarity"]["tolerance"])
        self._session = _session(data, self.card, provider, threads)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def row(self, values: Mapping[str, Any]) -> list[float]:
        """The model's inputs from values by column name; None stands for a missing one. Other names are ignored.

        Values are numbers, the text of categories, true or false, and times as text or `datetime`, as the card says.

        Raises:
            Problem: a value is not there, or is not of its column's kind.
        """
        for name in self.columns:
            if name not in values:
                raise Problem(f"No value for '{name}'.", f"The model takes: {', '.join(self.columns)}.")
        if self._converters:
            known = {name: values[name] for name in self.columns}
            with _refusals():
                return named_rows.select([known], self.features, self._converters)[0].tolist()
        return [math.nan if values[name] is None else values[name] for name in self.features]

    def score(self, rows: Any) -> Scores:
        """Judge rows.

        Args:
            rows: raw values, by name wherever rows have names (data frames of any make, Arrow tables, Series, dicts,
                named tuples, structured arrays, lists of these; other names are ignored), and by position, [rows,
                features] in the order of `features` or one row [features], only where they have none. By name they
                hold what `row` takes; by position, the model's inputs themselves.

        Raises:
            Problem: a column is missing, there is another number of columns, or a value is not a number.
        """
        try:
            values = named_rows.select(rows, self.features, self._converters)
        except named_rows.Refused as refused:
            raise Problem(refused.message, refused.hint) from None
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite, which the model knows how to judge
            features = np.asarray(values, np.float32)
        try:
            outputs = dict(zip(self._outputs, self._session.run(None, {"features": features})))
        except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
            raise _cannot_run(self.provider, self.card, error) from None
        return Scores(*(outputs[name] for name in Scores._fields[:3]), outputs.get("contribution"))

    def selftest(self) -> Selftest:
        """Replay the golden rows, all at once and one by one, and take the time of one decision."""
        golden = self.card["golden"]
        inputs = _floats(golden["inputs"]).reshape(-1, len(self.features))
        alone = [self.score(row[None]) for row in inputs]
        replays = [self._faults(self.score(inputs)), self._faults(_joined(alone))]
        return Selftest(
            rows=len(inputs),
            near_ties=sum(flag is None for flag in golden["is_anomaly"]),
            **{name: max(faults[name] for faults in replays) for name in replays[0]},
            tolerance=self.tolerance,
            runtime=f"onnxruntime {onnxruntime.__version__}",
            provider=self.provider,
            microseconds=self._time(inputs[:1]),
        )

    def _faults(self, scores: Scores) -> dict[str, Any]:
        """How the scores of the golden rows differ from what they should be, by `Selftest`'s names."""
        golden = self.card["golden"]
        ties = np.array([flag is None for flag in golden["is_anomaly"]])
        difference = np.abs(scores.similarity.astype(np.float64) - _floats(golden["similarity"]))
        return {
            "flipped_decisions": int(((scores.is_anomaly != np.array(golden["is_anomaly"], bool)) & ~ties).sum()),
            "flipped_validity": int((scores.is_valid != np.array(golden["is_valid"], bool)).sum()),
            "broken_rule": int(self._contradictions(scores).sum()),
            "largest_difference": float(np.where(np.isnan(difference), math.inf, difference).max()),
        }

    def _contradictions(self, scores: Scores) -> np.ndarray:
        similarity = scores.similarity.astype(np.float64)
        wrong = (scores.is_anomaly != ~(similarity >= self.threshold)) | (~scores.is_valid & (similarity != _UNJUDGED))
        if scores.contribution is not None:
            total = np.where(scores.is_valid, 1 - similarity, 0)
            wrong |= ~(np.abs(scores.contribution.sum(1, dtype=np.float64) - total) <= 10 * self.tolerance)
        return wrong

    def _time(self, row: np.ndarray) -> float:
        taken = []
        for _ in range(600):
            start = time.perf_counter()
            self.score(row)
            taken.append(time.perf_counter() - start)
        return statistics.median(taken[100:]) * 1e6


@contextlib.contextmanager
def _refusals(where: str = "") -> Iterator[None]:
    try:
        yield
    except gate.Refused as refused:
        raise Problem(f"{where}{refused.message}", refused.hint, refused.exit_code) from None
    except named_rows.Refused as refused:
        raise Problem(f"{where}{refused.message}", refused.hint) from None
    except reading.Refused as refused:
        raise Problem(f"{where}{refused.message}.", "Export the model again.") from None


def _let_in(path: Path, trusted_key: str | Path | None) -> tuple[bytes, dict[str, Any]]:
    """A model file's content and card, once the gate let both pass and the signature and the card's copy are right."""
    with _refusals():
        data = gate.read_file(path)
    if trusted_key is not None:
        _check_signature(path, data, Path(trusted_key))
    with _refusals(f"{path}: "):
        try:
            model = gate.read(data)
        except gate.Refused as refused:
            raise _explained(data, refused) from None
        card = gate.card(model)
    copy = path.with_name(f"{path.stem}.card.json")
    if copy.exists() and (not copy.is_file() or copy.read_bytes() != model.metadata[gate.CARD].encode()):
        raise Problem(
            f"{copy}: not the card that is inside {path.name}.",
            "Take both files from where they were exported; any `aetk threshold --set` writes the copy again.",
            1,
        )
    return data, card


def _explained(data: bytes, refused: gate.Refused) -> gate.Refused:
    """The refusal, which says what the file is instead of a model where that is a card or a table."""
    head = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    line = head.split(b"\n", 1)[0].rstrip(b"\r")
    hint = "Name the model in its place."
    if head.startswith(b"PAR1"):
        kind = "a table (Parquet)"
    elif head.startswith(b"{") and b'"card_sha256"' in head:
        kind, hint = "the card of one", "Name the model that it belongs to, NAME.onnx for NAME.card.json."
    elif head.startswith(b"{"):
        kind = "JSON"
    elif (b"," in line or b";" in line) and min(line) >= 32:
        kind = "a table (CSV)"
    else:
        return refused
    return gate.Refused(f"Not a model but {kind}; expected an .onnx file.", hint)


def _check_signature(path: Path, data: bytes, key: Path) -> None:
    """Ed25519, detached, in `NAME.onnx.sig`; the key is a public one in PEM."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise Problem("Checking a signature needs the package cryptography.", "pip install cryptography", 3) from None
    if key.exists() and not key.is_file():
        raise Problem(f"{key} is not a regular file; expected a key in PEM.", "Name the key's file.")
    try:
        public = load_pem_public_key(key.read_bytes())
    except ValueError:
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise Problem(
            f"{key} is not a public Ed25519 key in PEM.",
            "Ask whoever signs the model for the public key; they make it with: "
            "openssl pkey -in private.pem -pubout -out public.pem",
        )
    signature = path.with_name(f"{path.name}.sig")
    if not signature.exists():
        remedy = f"Put {signature.name}, from where the model was exported, beside it, or leave --trusted-key out."
        raise Problem(f"{path} is not signed: there is no {signature}.", remedy, 1)
    if not signature.is_file():
        found = f"{signature} is not a regular file; expected a signature."
        raise Problem(found, "Take both files from where they were made.", 1)
    try:
        public.verify(signature.read_bytes(), data)
    except InvalidSignature:
        raise Problem(
            f"{signature} is not a signature of {path.name} by {key}.",
            "Do not use it; take both files from where they were exported.",
            1,
        ) from None


def _joined(parts: Sequence[Scores]) -> Scores:
    return Scores(*(None if column[0] is None else np.concatenate(column) for column in zip(*parts)))


def _floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4")


def _session(data: bytes, card: dict[str, Any], wanted: str, threads: int | None) -> Any:
    provider, colon, device = wanted.partition(":")
    given = dict(OPTIONS.get(provider, {}))
    if colon:
        if not device or provider not in _DEVICE:
            raise Problem(f"'{wanted}' names no device that can be chosen.", "For example: CUDAExecutionProvider:1")
        given[_DEVICE[provider]] = device
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what a session logs as an error, it also raises
    if threads is not None:
        options.intra_op_num_threads = threads
    if provider not in onnxruntime.get_available_providers():
        raise Problem(
            f"The installed onnxruntime {onnxruntime.__version__} has no {provider}.",
            f"It has {', '.join(onnxruntime.get_available_providers())}.",
            3,
        )
    if provider != "CPUExecutionProvider":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider"):
        _prepare_cuda(provider)
    try:
        return onnxruntime.InferenceSession(data, options, providers=[(provider, given)], enable_fallback=0)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        missing = _missing_library(provider)
        if missing:
            hint = "Install it; CUDA's with: pip install 'onnxruntime-gpu[cuda,cudnn]'; libcuda is NVIDIA's driver's."
            raise Problem(f"{provider} does not load: {missing}.", hint, 3) from None
        raise _cannot_run(wanted, card, error) from None


def _prepare_cuda(provider: str) -> None:
    """Load CUDA and cuDNN from where pip puts them, and keep TensorRT from TF32, which has no option for that."""
    if provider == "TensorrtExecutionProvider":
        os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    preload = getattr(onnxruntime, "preload_dlls", None)  # older than 1.21
    if preload is not None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            preload()


def _missing_library(provider: str) -> str:
    """What the system's loader says of a provider's library; empty where it loads, or where there is none."""
    folder = Path(onnxruntime.__file__).parent / "capi"
    name = f"onnxruntime_providers_{provider[: -len('ExecutionProvider')].lower()}"
    for path in [*folder.glob(f"lib{name}.so"), *folder.glob(f"{name}.dll")]:
        try:
            for shared in folder.glob("*onnxruntime_providers_shared.*"):
                ctypes.CDLL(str(shared), ctypes.RTLD_GLOBAL)
            ctypes.CDLL(str(path))
        except OSError as error:
            return str(error)
    return ""


_STATUS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")


def _cannot_run(provider: str, card: dict[str, Any], error: Exception) -> Problem:
    first = _STATUS.sub("", str(error).strip().splitlines()[0])[:300]
    if "fallback to CPU EP" in first:
        first = "it would leave nodes to the CPU, or its device is not here."
    return Problem(f"{provider} cannot run this model: {first}", f"The model requires {card['requires']}.", 3)


_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_QUOTED = re.compile('[",\r\n]')
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # to a terminal, which no name of a card or a column may give


def score_table(detector: Detector, data: Path, out: Path, key: str | None = None) -> tuple[int, int, int]:
    """Score a table into a CSV file, which appears when it is complete; returns rows, anomalies, rows not judged.

    `-` is standard input and standard output. What is not a file of its own name, `/dev/stdout` or a pipe for one, is
    written to as it is, and never replaced.
    """
    if out != STANDARD and out.exists() and (out.is_dir() or out.is_block_device()):
        found = f"{out} is {'a folder' if out.is_dir() else 'no regular file'}; expected a file name."
        raise Problem(found, "Name a file.")
    if any(out.is_file() and path.exists() and out.samefile(path) for path in (data, detector.path)):
        raise Problem(f"{out} would be overwritten; it is read here.", "Name another file with --out.")
    shares = [f"contribution:{name}" for name in detector.features]
    if key in ("similarity", "is_anomaly", "is_valid") or (key or "").startswith("contribution:"):
        raise Problem(f"--id {key} is the name of a column that is written; rename it in {data}.")
    rows = anomalies = invalid = 0
    with _output(out) as file:
        for values, keys in _reading(detector, data, key):
            scores = detector.score(values)
            if rows == 0:
                names = [key or "row", *Scores._fields[:3], *(shares if scores.contribution is not None else [])]
                file.write(_line(map(_text_cell, names)))
            columns = [
                map(_text_cell, keys) if keys else map(str, range(rows + 1, rows + len(values) + 1)),
                scores.similarity.astype(str),
                scores.is_anomaly.astype(int).astype(str),
                scores.is_valid.astype(int).astype(str),
            ]
            columns += [] if scores.contribution is None else list(scores.contribution.T.astype(str))
            file.writelines(map(_line, zip(*columns)))
            file.flush()
            rows, anomalies = rows + len(values), anomalies + int(scores.is_anomaly.sum())
            invalid += int((~scores.is_valid).sum())
        if rows == 0:
            raise Problem(f"{title(data, 'input')} has a header and no rows.", "Name a table with rows.")
    return rows, anomalies, invalid


def _reading(detector: Detector, data: Path, key: str | None) -> Iterator[Batch]:
    with _about(title(data, "input")):
        yield from read_table(data, detector.encodings, detector.table, key)


def _line(cells: Iterable[str]) -> str:
    return ",".join(cells) + "\n"


def _text_cell(text: str) -> str:
    """A text as a cell of CSV; a spreadsheet takes no formula from it, for one gets an apostrophe in front."""
    if _FORMULA.match(text) and not NUMBER.fullmatch(text):
        text = f"'{text}"
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text


_OPEN_FILES = re.compile(r"/proc/(\d+)(?:/task/\d+)?/fd|/dev/fd")


def _open_file(path: Path) -> tuple[str | None, int]:
    """The process and the descriptor that a path names, by whatever links; no process for a file by its own name."""
    if path == STANDARD:
        return _this(), 1
    for _ in range(40):
        folder = Path(os.path.realpath(path.parent))
        match = _OPEN_FILES.fullmatch(str(folder))
        if match and path.name.isdecimal():
            return match[1] or _this(), int(path.name)
        try:
            path = folder / (folder / path.name).readlink()
        except OSError:  # no link
            break
    return None, -1


def _this() -> str:
    """This process, as /proc calls it."""
    return Path(os.path.realpath("/proc/self")).name


@contextlib.contextmanager
def _output(path: Path) -> Iterator[Any]:
    """A text file that appears when the block ends well, or a stream, written to as it is."""
    owner, number = _open_file(path)
    with _about(title(path, "output")):
        if owner is None and (path.is_file() or not path.exists()):
            with _atomic(path) as file:
                yield file
            return
        stream = os.dup(number) if owner == _this() else os.open(path, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(stream, "w", encoding="utf-8", newline="") as file:
            yield file


@contextlib.contextmanager
def _atomic(path: Path) -> Iterator[Any]:
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".aetk-")  # there is room for it beside any name
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(handle)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextlib.contextmanager
def _about(path: Path) -> Iterator[None]:
    """What the operating system refuses is told of this file, whose name it may not know."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _cannot_use(path, error) from None


def _cannot_use(path: Path | str | None, error: OSError) -> Problem:
    exit_code = 3 if error.errno in (5, 28, 122) else 2
    if path is None:
        return Problem(f"Cannot write the report: {error.strerror}.", "Send the output elsewhere.", exit_code)
    return Problem(f"Cannot use {path}: {error.strerror}.", "", exit_code)


# The command line.


def _selftest(detector: Detector, as_json: bool) -> int:
    report = detector.selftest()
    if as_json:
        known = {**report._asdict(), "passed": report.passed}
        print(json.dumps({name: None if value == math.inf else value for name, value in known.items()}))
    else:
        print(
            f"{'passed' if report.passed else 'FAILED'}: {report.rows} golden rows, {report.flipped_decisions} "
            f"decisions and {report.flipped_validity} validities flipped, {report.broken_rule} break the rule; largest "
            f"difference {report.largest_difference:.2g} (tolerance {report.tolerance:g}), {report.near_ties} near ties"
        )
        print(f"{report.runtime}, {report.provider}; one decision takes {report.microseconds:.1f} µs")
        if not report.passed:
            print(
                "Do not use it here: it does not decide as it did when it was exported. Take the file from there "
                "again, or try another version of onnxruntime."
            )
    return 0 if report.passed else 1


def _score(detector: Detector, data: Path, out: Path | None, key: str | None) -> int:
    out = out or (data if data == STANDARD else Path(f"{data.stem}.scores.csv"))
    rows, anomalies, invalid = score_table(detector, data, out, key)
    report = sys.stderr if _open_file(out) == (_this(), 1) else sys.stdout
    found = f"{rows} rows: {anomalies} flagged at threshold {detector.threshold:.6g}, of them {invalid} not judged"
    print(f"{found}\nwrote: {title(out, 'output')}", file=report)
    return 0


def _find_model() -> Path:
    """The only model in `model/` beside this file, or beside this file."""
    here = Path(__file__).resolve().parent
    found = sorted(itertools.chain((here / "model").glob("*.onnx"), here.glob("*.onnx")))
    if len(found) != 1:
        raise Problem(f"Found {len(found)} models in {here} and its folder model.", "Name one with --model.")
    return found[0]


def _table(given: str) -> Path:
    """A path, of which `-` is a stream and `./-` a file."""
    path = Path(given)
    return path.absolute() if path == STANDARD and given != "-" else path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what its encoding does not know, such as µ in Windows'
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--model", type=Path, metavar="FILE", help="the .onnx file (default: the one in model/)")
    common.add_argument(
        "--provider", default="CPUExecutionProvider", metavar="NAME[:DEVICE]", help="execution provider"
    )
    common.add_argument("--trusted-key", metavar="FILE", help="refuse a model that is not signed by this key")
    parser = argparse.ArgumentParser(prog="detector", description="Run a detector made by aetk.")
    commands = parser.add_subparsers(dest="command", required=True)
    selftest = commands.add_parser("selftest", parents=[common], help="prove that this machine decides as it should")
    selftest.add_argument("--json", action="store_true", help="print the report as JSON")
    score = commands.add_parser("score", parents=[common], help="score a CSV file into another")
    score.add_argument("data", type=_table, metavar="TABLE.csv", help="what to read, - for standard input")
    out_help = "where to write, - for standard output (default: NAME.scores.csv here)"
    score.add_argument("--out", type=_table, metavar="FILE", help=out_help)
    score.add_argument("--id", dest="key", metavar="COL", help="column to carry along in place of a row number")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing half-done is left
    try:
        detector = Detector(given.model or _find_model(), provider=given.provider, trusted_key=given.trusted_key)
        if given.command == "selftest":
            return _selftest(detector, given.json)
        return _score(detector, given.data, given.out, given.key)
    except Problem as problem:
        return _report(problem)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except MemoryError:
        return _report(Problem("Out of memory.", exit_code=3))
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)  # the reader went away; Python would complain once more at exit
        os.dup2(nowhere, 1)
        return 0
    except OSError as error:
        return _report(_cannot_use(error.filename, error))


def _report(problem: Problem) -> int:
    """Say what stands in the way; returns the exit code."""
    text = f"detector: {problem}\n" + (f"  {problem.hint}\n" if problem.hint else "")
    print(escaped(_COMMANDS, text), end="", file=sys.stderr)
    return problem.exit_code


if __name__ == "__main__":
    sys.exit(main())
