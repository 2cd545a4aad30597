"""Finds an engine by its name."""

from aetk.base.errors import BadInput
from aetk.cluster.engine import Engine, Resources

ENGINES = ("ray", "spark")

_ALL = Resources()


def find_engine(name: str, resources: Resources = _ALL) -> Engine:
    """Make the engine of a name, not connected yet.

    Raises:
        BadInput: the name is not in `ENGINES`.
        MissingExtra: its package is not installed.
    """
    if name == "ray":
        from aetk.cluster.ray import RayEngine

        return RayEngine(resources)
    if name == "spark":
        from aetk.cluster.spark import SparkEngine

        return SparkEngine(resources)
    raise BadInput(f"'{name}' is not an engine that aetk knows.", f"Known: {', '.join(ENGINES)}.")
