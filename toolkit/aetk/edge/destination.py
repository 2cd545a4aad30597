"""Where a model goes that is written anew, and what stands in its way."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.base.files import check_target, write_atomically
from aetk.base.locks import FOLDER_WAIT, locked
from aetk.edge.model import LoadedModel, card_path, load
from aetk.edge.signing import signature_path, signed


def check_name(target: Path) -> None:
    """BadInput where a path cannot become a model: another ending, a folder, a device or a pipe."""
    if target.suffix != ".onnx":
        raise BadInput(f"{target} does not end in .onnx.", "Name a file that does with --out.")
    check_target(target)


@dataclass(frozen=True)
class Destination:
    """Where a model goes.

    Attributes:
        out: another file, so that the model stays as it is; None for the model's own.
        dry_run: whether nothing is written.
        sign_key: a private Ed25519 key in PEM, to sign the file anew.
    """

    out: str | Path | None = None
    dry_run: bool = False
    sign_key: str | Path | None = None

    @property
    def _key(self) -> Path | None:
        return None if self.sign_key is None else Path(self.sign_key)

    def of(self, model: Path) -> Path:
        """The file that is written in place of a model; `model` itself where that is the one."""
        if self.out is None or Path(self.out).resolve() == model.resolve():
            return model
        return Path(self.out)

    @contextlib.contextmanager
    def held(self, model: Path) -> Iterator[LoadedModel]:
        """Load a model; where it is to be replaced, hold its folder, so that of two at once none undoes the other.

        Raises:
            BadInput: no model of the contract, or what `publish` would raise, before any work.
            CheckFailed: the model is not the one that its card describes.
        """
        target = self.of(model)
        replaces = target is model and not self.dry_run
        with locked(model.resolve().parent, FOLDER_WAIT) if replaces else contextlib.nullcontext():
            loaded = load(model)
            if target is not model:
                check_name(target)
                _check_apart(loaded, target, self._key)
            if self.sign_key is not None or not self.dry_run:
                signed(target, b"", self._key)
            yield loaded

    def publish(self, model: Path, data: bytes, card: str) -> Path | None:
        """Write a model that is held anew, with the copy of its card and its signature.

        Returns:
            the file, or None where nothing was to be written.

        Raises:
            BadInput: no such key, an unsigned model in the place of a signed one, or another process writes into the
                folder and does not end.
        """
        target = self.of(model)
        if self.dry_run:
            return None
        path = target.resolve()  # where a link points, model and card stay together
        with contextlib.ExitStack() as stack:
            if target is not model:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(path.parent, FOLDER_WAIT))
            files = [(path, data), (card_path(path), card.encode())]
            write_atomically([*files, *signed(path, data, self._key)])
        return target


def _check_apart(loaded: LoadedModel, target: Path, key: Path | None) -> None:
    """BadInput where another file would cost a model its card's copy, or is the way round its signature."""
    if card_path(target.resolve()) == card_path(loaded.path.resolve()):
        raise BadInput(f"{target} and {loaded.path} would share {loaded.card_path}.", "Name another file with --out.")
    if key is None and any(signature_path(path).exists() for path in (loaded.path, loaded.path.resolve())):
        raise BadInput(
            f"{loaded.path} is signed; with another threshold it needs a signature of its own.",
            "Sign it anew with --sign-key.",
        )
