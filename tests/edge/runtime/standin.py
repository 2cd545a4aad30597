"""Stand-ins for an ONNX Runtime with plugins, and for plugin packages."""

from email.message import Message
from enum import Enum
from importlib import metadata
from types import SimpleNamespace

HardwareType = Enum("OrtHardwareDeviceType", "CPU GPU NPU")


def ep_device(name, kind, **metadata):
    """A device as `get_ep_devices` gives it."""
    hardware = SimpleNamespace(type=HardwareType[kind], vendor="", vendor_id=0x8086, metadata={"pci_bus_id": "0:2.0"})
    return SimpleNamespace(ep_name=name, device=hardware, ep_metadata={"library_path": "plugin.so", **metadata})


class Runtime:
    """An ONNX Runtime of which a plugin can be registered once; `offers` are the devices that it then lists."""

    __version__ = "1.32.0"

    def __init__(self, offers=(), build=("CPUExecutionProvider",), refuses=None):
        self.registered, self._offers, self._build, self._refuses = [], list(offers), list(build), refuses
        self.__file__ = "/nowhere/onnxruntime/__init__.py"

    def get_available_providers(self):
        return self._build

    def get_ep_devices(self):
        cpu = SimpleNamespace(ep_name="CPUExecutionProvider", ep_metadata={"version": "1.32.0"})
        names = [name for name, _ in self.registered]
        return [cpu, *(device for device in self._offers if device.ep_name in names)]

    def register_execution_provider_library(self, name, library):
        if self._refuses:
            raise self._refuses
        assert name not in [known for known, _ in self.registered], "registered twice"
        self.registered.append((name, library))


def install(monkeypatch, folder, package, source, version="1.2.3"):
    """Install a package of one module in an environment that has nothing else."""
    module = package.replace("-", "_")
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text(source)
    about = Message()
    about["Name"] = package
    found = SimpleNamespace(
        metadata=about,
        version=version,
        files=[f"{module}/__init__.py", f"{module}/deeper/__init__.py"],
        locate_file=lambda file: folder / file,
    )
    known = list(getattr(metadata.distributions, "known", ()))
    known.append(found)

    def distributions():
        return iter(known)

    distributions.known = known
    monkeypatch.setattr(metadata, "distributions", distributions)
    monkeypatch.syspath_prepend(str(folder))
    return module
