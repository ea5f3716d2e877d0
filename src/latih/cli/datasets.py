"""``latih datasets``: what can be trained on by name."""

from rich.console import Console
from rich.table import Table

from latih.datasets import DATASETS


def list_datasets() -> None:
    """List the data sets that Latih knows by name, and where they lie on this machine.

    Example: latih datasets
    """
    table = Table(box=None, pad_edge=False)
    for title in ("name", "training", "test", "classes", "licence", "where"):
        table.add_column(title, overflow="fold")
    for dataset in DATASETS:
        place = dataset.where()
        table.add_row(
            dataset.name,
            f"{dataset.training:,}",
            f"{dataset.test:,}",
            str(len(dataset.class_names)),
            dataset.licence,
            "not here: downloaded at first use" if place is None else str(place),
        )
    Console(highlight=False).print(table)
