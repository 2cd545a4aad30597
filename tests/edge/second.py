"""A model of contract 2, made from the built-in table's model by another card: its graph knows no categories."""

from aetk.contract.reading import PARTS, Labels, TableFormat

FORMAT = TableFormat(delimiter=";", decimal=",", missing=("?",), labels=Labels("state", ordinary=("BENIGN",)))
LEVELS = ("tcp", "udp", "6")
TRUTHS = ("no", "yes")


def describe(card):
    """Give the first features of a card levels, truths, a marker and a time, and the card a table format."""
    features = card["features"]
    features[0].update(name="protocol", levels=list(LEVELS), missing="level")
    features[1].update(name="open", truths=list(TRUTHS))
    features[2].update(name="load", markers=["-1"])
    for feature, part in zip(features[3:7], PARTS, strict=True):
        feature.update(name=f"ts {part}", time={"column": "ts", "format": "ymd", "part": part})
    card.update(contract=2, table=FORMAT.to_data())


COLUMNS = ["protocol", "open", "load", "ts"]
"""The columns of the table that the first seven features are read from; the other features keep their names."""
