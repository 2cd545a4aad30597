"""Formats the reports of the edge as text for a terminal."""

import json
from collections.abc import Mapping

from aetk.contract.card import Card
from aetk.contract.golden import GoldenReport
from aetk.contract.threshold import Threshold
from aetk.edge.doctor import DoctorReport
from aetk.edge.embed import EmbedCReport, EmbedReport
from aetk.edge.inspection import InspectReport
from aetk.edge.scoring.table_file import ScoreProgress, ScoreReport
from aetk.edge.threshold import ThresholdReport
from aetk.edge.verification import PathCheck, VerifyReport
from aetk.render.format import count, rate, seconds, size, table
from aetk.render.reading_text import encoded, missing_values, table_format

_BAR = 30


def threshold(found: Threshold) -> str:
    """A threshold in one line, and the alarms to expect from it in another."""
    first = f"threshold {_chosen(found)}"
    alarms = found.alarms
    if alarms is None:
        return first
    return first + (
        f"\n  expect {_per_mille(alarms.expected)} alarms per 1,000 ordinary rows ({alarms.confidence:.0%} interval "
        f"{_per_mille(alarms.low)} to {_per_mille(alarms.high)}, from {count(alarms.rows, 'row')})"
    )


def _chosen(found: Threshold) -> str:
    """A threshold, how it was chosen, and from which rows."""
    rows = f", from {found.rows:,} {found.basis}" if found.rows else ""
    return f"{found.value:.6g} by {found.method}{rows}" + (
        f"; false-alarm rate at most {found.target:.4g}" if found.target is not None else ""
    )


def _per_mille(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def golden(report: GoldenReport) -> str:
    """A comparison with the golden rows in one line."""
    return (
        f"{count(report.rows, 'golden row')}: {report.flipped_decisions} decisions and "
        f"{report.flipped_validity} validities flipped, {report.broken_rule} break the rule; "
        f"largest difference {report.largest_difference:.2g} (tolerance {report.tolerance:g}), "
        f"{count(report.near_ties, 'near tie')}"
    )


def verification(report: VerifyReport) -> str:
    """The verdict on a model, one line per provider."""
    lines = [f"{report.model}: digests and threshold agree with the card; the card's copy is {report.card_copy}"]
    if report.trusted_key is not None:
        lines.append(f"  signed by the owner of {report.trusted_key}")
    if report.card_copy == "stale":
        lines.append("  Apps that read the copy will refuse it; any `aetk threshold --set` writes it again.")
    for check in report.checks:
        lines.append(f"{check.provider}, {check.runtime}: {'passed' if check.golden.passed else 'FAILED'}")
        lines.append(f"  {golden(check.golden)}")
        lines.append(f"  by every path: {', '.join(map(_path, check.paths))}")
        lines.append(f"  nodes: {', '.join(f'{n} on {name}' for name, n in check.placement.items())}")
    if not report.passed:
        lines.append(
            "Do not use it here: it does not decide as it did when it was exported. Take the file from there again, or "
            "try another provider or version of onnxruntime."
        )
    return "\n".join(lines)


def _path(check: PathCheck) -> str:
    rows = f" ({check.rows:,} rows)" if check.rows > 1 else ""
    return f"{check.path}{rows}{'' if check.golden.passed else ' FAILED'}"


def scoring(report: ScoreReport) -> str:
    """The result of scoring a table."""
    of_files = f" of {count(report.files, 'file')}" if report.files > 1 else ""
    return (
        f"{count(report.rows, 'row')}{of_files} on {report.provider} in {seconds(report.seconds)} "
        f"({rate(report.rows_per_second)}): "
        f"{report.anomalies:,} flagged at threshold {report.threshold:.6g}, "
        f"of them {report.invalid:,} that could not be judged{_unseen(report.unseen)}"
    )


def _unseen(cells: Mapping[str, int]) -> str:
    """The cells of categories that the training did not have, in a line for each column."""
    lines = (f"\n  {name}: {count(number, 'cell')} of no known level" for name, number in cells.items())
    return "".join(lines)


def scoring_progress(progress: ScoreProgress) -> str:
    """The progress of scoring in one line."""
    line = f"{count(progress.rows, 'row')}, {rate(progress.rows / progress.seconds)}"
    if progress.share is None:
        return line
    done = int(progress.share * _BAR)
    return f"{progress.share:4.0%} [{'#' * done}{'.' * (_BAR - done)}] {line}"


def thresholds(report: ThresholdReport) -> str:
    """The threshold before and after a change."""
    lines = [f"before: {threshold(report.before)}", f"now:    {threshold(report.after)}"]
    if report.out is None:
        lines[1] = f"then:   {threshold(report.after)}"
        lines.append("Nothing was written: this was a dry run.")
    if report.invalid:
        lines.append(f"{count(report.invalid, 'row')} could not be judged and took no part")
    return "\n".join(lines)


def embedding(report: EmbedReport) -> str:
    """A summary of an app."""
    return (
        f"{report.host} app around {report.model}: {count(report.files, 'file')}, {size(report.bytes)}; see README.md"
    )


def embedding_c(report: EmbedCReport) -> str:
    """A summary of a C program, and what it needs on a device."""
    sizes = report.sizes
    lines = [
        f"C99 program around {report.model}, {report.weights} weights: {count(report.files, 'file')}; see README.md",
        f"  flash: {size(sizes.constants)} of constants, and 2 to 5 KiB of code on a Cortex-M",
        f"  stack: {size(sizes.scratch)} to judge a row, {size(sizes.rows_scratch)} for blocks of rows, and what the "
        "compiler adds; no heap",
        f"  work: {sizes.multiply_adds:,} multiply-adds a row",
        f"  self-test: {size(sizes.golden)} of golden rows, which need not be shipped",
    ]
    if report.change is not None:
        lines.append(
            f"  {report.change.weights} weights on {count(report.change.rows, 'golden row')}: "
            f"{report.change.flipped_decisions} decisions differ, a similarity moves by up to "
            f"{report.change.largest_difference:.2g}; this is another model, with golden rows of its own"
        )
    return "\n".join(lines)


def doctor(report: DoctorReport) -> str:
    """What works on this machine."""
    runtimes = ", ".join(f"{name} {version}" for name, version in report.runtimes.items()) or "none"
    packages = ", ".join(f"{name} {version or 'missing'}" for name, version in report.packages.items())
    rows = [[s.provider, "works" if s.works else "no", s.reason or s.plugin] for s in report.providers]
    devices = [[d.provider, d.kind, d.vendor, _metadata(d.metadata)] for d in report.devices]
    lines = [
        f"Python {report.python}, {report.system}, {count(report.cpus, 'usable CPU')}",
        f"ONNX Runtime: {runtimes}",
        f"its telemetry: {report.telemetry.state} ({report.telemetry.reason})",
        f"packages: {packages}",
        table(("provider", "state", "reason"), rows),
        *([table(("device", "type", "vendor", "what is known of it"), devices)] if devices else []),
        *(f"problem: {problem}" for problem in report.problems),
    ]
    return "\n".join(lines)


def _metadata(known: Mapping[str, str]) -> str:
    """The metadata of a device, shortened to one line; `--json` has all of it."""
    shown = [f"{name} {value}" for name, value in known.items() if value and name != "library_path"]
    shown.sort(key=lambda text: not text.startswith(("FULL_DEVICE_NAME", "pci_bus_id", "version")))
    return ", ".join(shown[:4])


def inspection(report: InspectReport) -> str:
    """The description of a model."""
    card = report.card
    names = ", ".join(card.feature_names[:6]) + (", ..." if len(card.features) > 6 else "")
    lines = [
        f"{card.name}: aetk model, contract {card.contract}, IR {report.ir_version}, opset {report.opset}; "
        f"requires {card.requires}",
        f"file: {size(report.model_bytes)}, of it the card {size(report.card_bytes)}; "
        f"the card's copy is {report.card_copy}",
        f"sha256: {card.model_sha256}",
        *(f"input: {v.name} {v.dtype} [{', '.join(map(str, v.shape))}]" for v in report.inputs),
        *(f"output: {v.name} {v.dtype} [{', '.join(map(str, v.shape))}]" for v in report.outputs),
        f"features ({len(card.features)}): {names}; missing values: {missing_values(card.features)}",
        *encoded(card.features),
        *table_format(card.table),
        f"similarity: anchor κ = {card.similarity.kappa:g}, tolerance {card.similarity.tolerance:g}",
        *([_validation(card)] if card.validation else []),
        threshold(card.threshold),
        *(f"  until {entry.when}: {_chosen(entry.threshold)}" for entry in reversed(card.history)),
        f"graph: {report.parameters:,} parameters; {', '.join(f'{n} {name}' for name, n in report.operators.items())}",
        f"golden rows: {len(card.golden)}, made by {', '.join(f'{name} ({n})' for name, n in card.golden.made_by)}",
        f"recipe: {_recipe(card)}",
        f"trained on {card.training_data.get('fit_rows')} rows of "
        f"{card.training_data.get('source')}, fingerprint {str(card.training_data.get('fingerprint'))[:16]}...",
        f"made with: {', '.join(f'{name} {version}' for name, version in card.versions.items())}",
    ]
    return "\n".join(lines)


def _recipe(card: Card) -> str:
    values = {key: json.dumps(value, ensure_ascii=False) for key, value in card.recipe.items() if key != "name"}
    return "; ".join([str(card.recipe.get("name")), *(f"{key} {value}" for key, value in values.items())])


def _validation(card: Card) -> str:
    names = {"macro_f1": "macro F1", "auroc": "AUROC", "average_precision": "average precision"}
    found = {name: card.validation.get(key) for key, name in names.items()}
    figures = ", ".join(f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float))
    return f"on its {card.validation.get('rows')} calibration rows: {figures}"
