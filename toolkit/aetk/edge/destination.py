"""Decides where a changed model is written, and refuses a file that must not be replaced."""

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
    """Raise BadInput if a path cannot become a model: another ending, a folder, a device or a pipe."""
    if target.suffix != ".onnx":
        raise BadInput(f"{target} does not end in .onnx.", "Name a file that does with --out.")
    check_target(target)


@dataclass(frozen=True)
class Destination:
    """The file that a changed model is written to.

    Attributes:
        out: another file, which leaves the model unchanged; None for the model's own file.
        dry_run: whether nothing is written.
        sign_key: a private Ed25519 key in PEM, to sign the new file.
    """

    out: str | Path | None = None
    dry_run: bool = False
    sign_key: str | Path | None = None

    @property
    def _key(self) -> Path | None:
        return None if self.sign_key is None else Path(self.sign_key)

    def of(self, model: Path) -> Path:
        """The file to write for a model; `model` itself if `out` does not name another file."""
        if self.out is None or Path(self.out).resolve() == model.resolve():
            return model
        return Path(self.out)

    @contextlib.contextmanager
    def held(self, model: Path) -> Iterator[LoadedModel]:
        """Load a model; lock its folder if it will be replaced, so that two changes at once cannot undo one another.

        Raises:
            BadInput: not a model of the contract, or an error of `publish` that is known before any work.
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
        """Write the new content of a model from `held`, with the copy of its card and its signature.

        Returns:
            The file; None in a dry run.

        Raises:
            BadInput: no such key, an unsigned model would replace a signed one, or another process keeps writing into
                the folder.
        """
        target = self.of(model)
        if self.dry_run:
            return None
        path = target.resolve()  # follow a link, so that model and card stay together
        with contextlib.ExitStack() as stack:
            if target is not model:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(path.parent, FOLDER_WAIT))
            files = [(path, data), (card_path(path), card.encode())]
            write_atomically([*files, *signed(path, data, self._key)])
        return target


def _check_apart(loaded: LoadedModel, target: Path, key: Path | None) -> None:
    """Raise BadInput if another file would overwrite the copy of the model's card, or avoid its signature."""
    if card_path(target.resolve()) == card_path(loaded.path.resolve()):
        raise BadInput(f"{target} and {loaded.path} would share {loaded.card_path}.", "Name another file with --out.")
    if key is None and any(signature_path(path).exists() for path in (loaded.path, loaded.path.resolve())):
        raise BadInput(
            f"{loaded.path} is signed; with another threshold it needs a signature of its own.",
            "Sign it again with --sign-key.",
        )
