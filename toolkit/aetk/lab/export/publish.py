"""Exports a run to one ONNX file with its card, which is published only if the parity check passes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aetk.base.errors import BadInput, CheckFailed
from aetk.base.files import write_atomically
from aetk.base.locks import FOLDER_WAIT, locked
from aetk.base.names import as_text
from aetk.contract import golden, onnxfile, spec
from aetk.contract.arguments import checked
from aetk.contract.card import Card, Similarity
from aetk.edge.destination import check_name
from aetk.edge.model import card_path
from aetk.edge.model import load as load_model
from aetk.edge.runtime.session import open_session
from aetk.edge.signing import signed
from aetk.lab import runs

if TYPE_CHECKING:
    from aetk.lab.export.parity import ParityReport

EXPORTS = Path("exports")


@dataclass(frozen=True)
class ExportReport:
    """What was published."""

    run: Path
    model: Path
    card: Path
    model_bytes: int
    golden_rows: int
    opset: int
    explain: bool
    threshold: float
    parity: "ParityReport"


@checked
def export(
    run: str | Path | None = None,
    *,
    out: str | Path | None = None,
    opset: int = spec.OPSET,
    explain: bool = False,
    sign_key: str | Path | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Export a finished run.

    Args:
        run: the folder of the run; None for the newest under `runs/`.
        out: the `.onnx` file; None for `exports/RUN.onnx`. A copy of the card is written next to it.
        opset: the opset of the file; ONNX Runtime 1.17 and newer load opset 17.
        explain: whether the file also outputs each feature's contribution.
        sign_key: a private Ed25519 key in PEM; the signature is written next to the file as `NAME.onnx.sig`.
        on_stage: is called as each stage begins, with its name: `exporting`, `checking parity, 1 of 5`, ...

    Raises:
        BadInput: the run or key does not exist, the name does not end in `.onnx`, the opset is out of range, an
            unsigned model would replace a signed one, or another process keeps writing into the model's folder.
        CheckFailed: the parity check failed; nothing is published.
    """
    folder = Path(run) if run is not None else runs.newest_finished()
    target = Path(out) if out is not None else EXPORTS / f"{runs.name_of(folder)}.onnx"
    check_name(target)
    key = None if sign_key is None else Path(sign_key)
    signed(target, b"", key)  # before the work, to find problems early
    on_stage("loading PyTorch and the run")
    found = runs.read_run(folder)
    from aetk.lab.export import parity
    from aetk.lab.export.graph import to_onnx  # also imports the onnx package

    detector = found.detector
    detector.explain = explain
    on_stage("exporting")
    data = to_onnx(detector, opset)
    on_stage("making golden rows")
    card = _card(found, as_text(target.stem), data, opset)
    finished = onnxfile.with_card(data, card.to_json())
    onnxfile.read(finished)  # refuses a file that breaks the contract before a runtime loads it
    verdict = parity.compare(detector, finished, found.calibration, on_stage)
    if not verdict.passed:
        raise CheckFailed(
            f"The ONNX file does not decide as the PyTorch model does: {verdict.flipped_decisions} decisions and "
            f"{verdict.flipped_validity} validities flipped, {verdict.broken_rule} rows break the rule; largest "
            f"difference {verdict.largest_difference:.3g} at {verdict.where} (tolerance {verdict.tolerance:g}).",
            "Nothing was published.",
        )
    answers = open_session(finished).run(card.golden.inputs)
    if not golden.compare(card.golden, answers, card.threshold.value).passed:
        raise CheckFailed("The ONNX file fails its own golden rows.", "Nothing was published.")
    on_stage("writing")
    _publish(target, finished, card.to_json(), key)
    return ExportReport(
        run=found.folder,
        model=target,
        card=card_path(target),
        model_bytes=target.stat().st_size,
        golden_rows=len(card.golden),
        opset=opset,
        explain=explain,
        threshold=card.threshold.value,
        parity=verdict,
    )


def _publish(target: Path, finished: bytes, card: str, key: Path | None) -> None:
    """Write the model, a copy of its card and its signature while no other process writes into their folder."""
    folder = target.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, FOLDER_WAIT):
        write_atomically([(target, finished), (card_path(target), card.encode()), *signed(target, finished, key)])


def verify_against_run(model: str | Path, run: str | Path) -> "ParityReport":
    """Repeat the full comparison of a published file with the run that it was exported from.

    If the file's threshold was changed after export, the comparison uses the new one: it checks the rest of the graph,
    and the decisions at the file's own threshold.
    """
    loaded = load_model(Path(model))
    found = runs.read_run(Path(run))
    card = loaded.card
    if (found.feature_names, found.record.encodings) != (card.feature_names, tuple(f.encoding for f in card.features)):
        raise BadInput(
            f"{model} and {run} have different features; the model is not an export of that run.",
            "Name that run with --run.",
        )
    from aetk.lab.export import parity

    found.detector.explain = len(loaded.graph.outputs) > len(spec.OUTPUTS)
    found.detector.threshold.fill_(loaded.graph.threshold)
    return parity.compare(found.detector, loaded.data, found.calibration)


def _card(run: runs.Run, name: str, data: bytes, opset: int) -> Card:
    from aetk.lab.export.golden import make_golden

    record = run.record
    return Card(
        name=name,
        features=record.features,
        similarity=Similarity(run.detector.kappa, run.detector.bound, spec.TOLERANCE),
        threshold=record.threshold,
        validation=record.metrics or {},
        recipe=record.recipe,
        training_data=record.training_data,
        versions=record.versions,
        requires=spec.requires(opset),
        model_sha256=onnxfile.digest(data),
        golden=make_golden(run.detector, record.features),
        table=record.table_format,
    )
