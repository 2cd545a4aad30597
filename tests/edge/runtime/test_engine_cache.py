"""The folders in which providers keep what they have built."""

import os
import stat

import pytest

from aetk.edge.runtime import engine_cache
from aetk.edge.runtime.engine_cache import engine_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the folders of POSIX")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engine_cache.sys, "platform", "linux")
    return tmp_path / "cache"


def test_a_model_has_a_folder_of_its_own_that_nobody_else_can_write(cache):
    folder = engine_folder("tensorrt", b"model", "1.32.0")
    assert folder.parent == cache / "aetk/engines"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert engine_folder("tensorrt", b"model", "1.32.0") == folder


@pytest.mark.parametrize(
    "other", [("tensorrt:1", b"model", "1.32.0"), ("tensorrt", b"another", "1.32.0"), ("tensorrt", b"model", "1.33.0")]
)
def test_another_device_model_or_runtime_has_another_folder(other):
    assert engine_folder(*other) != engine_folder("tensorrt", b"model", "1.32.0")


def test_without_a_place_to_write_there_is_no_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert engine_folder("tensorrt", b"model", "1.32.0") is None


def test_a_folder_that_cannot_be_written_is_no_cache(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert engine_folder("tensorrt", b"model", "1.32.0") is None


def test_a_folder_of_another_user_is_no_cache(monkeypatch):
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert engine_folder("tensorrt", b"model", "1.32.0") is None


def test_without_a_home_there_is_no_cache(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(engine_cache.Path, "home", no_home)
    assert engine_folder("tensorrt", b"model", "1.32.0") is None
