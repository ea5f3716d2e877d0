"""The doctor names each illness first, and calls neither of its healthy twins sick: five seeds.

It takes all the time that it wants, so that what it sees does not depend on how busy a machine is.
"""

import pytest
from labels import CODES, refused_as
from making import Trio
from trios import TRIOS

from latih.callbacks import Doctor
from latih.doctor import RULES
from latih.errors import InputError

FIVE = range(5)
AT_LEAST = 4

# A sick net may be warned of in its own right, and that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::latih.errors.LatihWarning")


def faults(program, seed: int) -> list[str]:
    """Return the codes of the faults that the doctor finds, the most probable first."""
    model, data = program.prepared(seed)
    doctor = Doctor(share=1.0)
    try:
        model.fit(**program.arguments(data), callbacks=[doctor])
    except InputError as refused:
        return [*refused_as(str(refused))]
    return [finding.code for finding in doctor.diagnosis.faults]


def test_each_rule_has_a_trio():
    assert [trio.code for trio in TRIOS] == list(CODES)
    assert {rule.code for rule in RULES} == set(CODES)


@pytest.mark.parametrize("trio", TRIOS, ids=lambda trio: trio.code)
def test_a_sick_net_is_named_first_and_its_twins_are_not_called_sick(trio: Trio):
    assert faults(trio.sick, 0)[:1] == [trio.code]
    assert faults(trio.healthy, 0) == []
    assert faults(trio.near_miss, 0) == []


@pytest.mark.slow
@pytest.mark.parametrize("trio", TRIOS, ids=lambda trio: trio.code)
def test_so_it_is_with_other_seeds(trio: Trio):
    named = [faults(trio.sick, seed)[:1] == [trio.code] for seed in FIVE]
    assert sum(named) >= AT_LEAST, named
    for twin in (trio.healthy, trio.near_miss):
        assert [faults(twin, seed) for seed in FIVE] == [[]] * len(FIVE), twin.name
