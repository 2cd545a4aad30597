import pytest

from aetk.edge.runtime import plugins


@pytest.fixture(autouse=True)
def own_plugins(monkeypatch):
    """What a test installs or registers is forgotten with it."""
    monkeypatch.setattr(plugins, "_REGISTERED", set())
    plugins.installed.cache_clear()
    yield
    plugins.installed.cache_clear()
