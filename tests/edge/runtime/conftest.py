import pytest

from aetk.edge.runtime import plugins


@pytest.fixture(autouse=True)
def own_plugins(monkeypatch, tmp_path):
    """What a test installs or registers is forgotten with it, and what it caches is its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(plugins, "_REGISTERED", set())
    plugins.installed.cache_clear()
    yield
    plugins.installed.cache_clear()
