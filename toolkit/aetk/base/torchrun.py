"""Whether torchrun started this process."""

import os

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def is_started_by_torchrun() -> bool:
    """Whether torchrun's variables are in the environment."""
    return all(name in os.environ for name in _VARIABLES)


def is_first_process() -> bool:
    """Whether this process is alone, or the first that torchrun started."""
    return not is_started_by_torchrun() or os.environ["RANK"] == "0"
