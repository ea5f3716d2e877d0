"""Files that attack their reader are refused: a few of each kind here, all by ``make hostile``."""

from collections import Counter
from pathlib import Path

import pytest
from hostile_files.campaign import Campaign, run
from hostile_files.case import Case
from hostile_files.corpus import CORPUS
from hostile_files.mutations import mutations

import latih

CASES_OF_A_KIND = 2
TOO_LONG_TO_MAKE = ("PR 23010", "PR 23101", "JSON without bounds")


def some_of_each_kind() -> list[Case]:
    seen: Counter[tuple[str, str]] = Counter()
    chosen: list[Case] = []
    for case in CORPUS:
        seen[case.kind, case.suffix] += 1
        if seen[case.kind, case.suffix] <= CASES_OF_A_KIND:
            chosen.append(case)
    return [case for case in chosen if not case.kind.startswith(TOO_LONG_TO_MAKE)]


def assert_none_went_wrong(campaign: Campaign) -> None:
    assert not campaign.failures, campaign.told()


def test_published_attacks_are_refused_from_the_root_directory(tmp_path: Path) -> None:
    campaign = run(some_of_each_kind(), tmp_path, only_root=True)
    assert_none_went_wrong(campaign)
    assert sum(trial.outcome == "refused" for trial in campaign.trials) > 100


def test_good_files_changed_at_random_are_refused_or_harmless(tmp_path: Path) -> None:
    campaign = run(mutations(archives=44, others=9), tmp_path, only_root=True)
    assert_none_went_wrong(campaign)
    outcomes = {trial.outcome for trial in campaign.trials}
    assert outcomes == {"refused", "harmless"}


@pytest.mark.slow
def test_everything_is_refused_or_harmless(tmp_path: Path) -> None:
    assert_none_went_wrong(run([*CORPUS, *mutations(archives=200, others=50)], tmp_path))


def test_every_cve_of_the_list_has_its_builder() -> None:
    kinds = " ".join({case.kind for case in CORPUS})
    for number in (
        *("2021-37678", "2024-3660", "2024-55459", "2025-1550", "2025-8747", "2025-9906"),
        *("2025-9905", "2025-49655", "2025-12058", "2025-12060", "2026-0897", "2026-1669"),
        *("2026-1462", "2026-11816", "2026-12479", "2026-12480", "2026-9335", "2026-12481"),
        *("2026-12482", "2026-12484", "12570", "2025-32434"),
    ):
        assert number in kinds


def test_there_is_no_loader_of_yaml_and_no_switch() -> None:
    for module in (latih, latih.models, latih.saving, latih.config):
        assert not hasattr(module, "model_from_yaml")
        assert not hasattr(module, "enable_unsafe_deserialization")
