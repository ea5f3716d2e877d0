"""The healthy runs are many, varied and told apart by their names."""

import healthy
import pytest
from nets import NETS
from score import score_of
from ways import WAYS


def test_there_are_enough_of_each_kind():
    there, missing = healthy.programs()
    names = [program.name for program in there] + missing
    assert len(names) == len(set(names)) >= 130
    parts = [name.split("/") for name in names]
    assert {source for source, _, _ in parts} == set(healthy.SOURCES)
    assert {net for _, net, _ in parts} == set(NETS)
    assert all(sum(way == one for _, _, way in parts) >= 8 for one in WAYS)


@pytest.mark.parametrize(
    "name", ["moons/tanh/", "tagged/residual/", "clothes-images/conv-strided/", "taught/silu/"]
)
def test_they_reach_what_they_are_to_reach(name):
    there, _ = healthy.programs()
    program = next(program for program in there if program.name.startswith(name))
    model, data = program.prepared(0)
    model.fit(**program.arguments(data))
    assert score_of(model, data) >= program.enough
