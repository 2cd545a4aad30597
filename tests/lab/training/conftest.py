"""Tables that several tests of the training stream."""

import pandas as pd
import pytest

from .torchrun import write_parts


@pytest.fixture(scope="session")
def cards(creditcard, tmp_path_factory):
    """4,000 ordinary payments and 95 frauds as Parquet, in `cards/` of a folder; returns that folder."""
    folder = tmp_path_factory.mktemp("cards")
    rows = pd.concat(
        [pd.read_csv(creditcard / "train.csv").head(4000).assign(Class=0), pd.read_csv(creditcard / "val.csv")]
    ).sample(frac=1, random_state=0)
    write_parts(rows.drop(columns="ID"), folder / "cards", 3)
    return folder
