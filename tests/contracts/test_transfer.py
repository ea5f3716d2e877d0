"""Every public name of the room of transfer says what it is, and how it is called."""

import inspect

import pytest

from latih import saving, transfer

PUBLIC = [
    name for name, value in vars(transfer).items() if name[0] != "_" and not inspect.ismodule(value)
]
RECORDS = ("FineTuned", "Scores")
"""What is only given out, and so has no example of its own."""


def test_the_names_are_those_that_are_told() -> None:
    assert sorted(PUBLIC) == [
        "FindingWarning",
        "FineTuned",
        "Options",
        "PullToStart",
        "Scores",
        "cached_features",
        "fine_tune",
        "freeze",
        "groups",
        "load_torch_weights",
        "predict_views",
        "pull_to_start",
        "rates_by_depth",
        "replace_head",
        "unfreeze",
    ]


def test_there_is_one_reader_of_torchs_weights() -> None:
    assert saving.load_torch_weights is transfer.load_torch_weights


@pytest.mark.parametrize("name", PUBLIC)
def test_it_is_documented(name: str) -> None:
    public = getattr(transfer, name)
    told = inspect.getdoc(public) or ""
    is_warning = isinstance(public, type) and issubclass(public, Warning)  # without arguments
    wanted = [*([] if is_warning else ["Args:"]), *([] if name in RECORDS else ["Example:"])]
    assert [part for part in wanted if part not in told] == []
    for argument in () if is_warning else inspect.signature(public).parameters:
        assert f"    {argument}: " in told
