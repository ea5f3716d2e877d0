"""All rules: what each must have, and that the healthy training has no finding."""

import ast
import inspect
import json
import string

import pytest
from evidences import regression, stack, training

from latih.doctor.diagnosis import diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.code)
def test_a_rule_says_all_that_a_finding_needs_in_both_languages(one):
    assert set(one.code) <= {*string.ascii_lowercase, "-"}
    for words in (one.name, one.cause, one.doubt):
        assert words.en and words.id
    # A name may be the field's own in both: Overfitting.
    assert one.cause.en != one.cause.id and one.doubt.en != one.doubt.id
    assert one.remedies and set(one.remedies) <= set(REMEDIES)
    assert one.source and one.thresholds


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.code)
def test_a_rule_compares_with_each_of_its_thresholds(one):
    read = {
        part.value
        for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(one.check))))
        if isinstance(node, ast.Subscript)
        for part in ast.walk(node.slice)  # limit["all"], or limit["all" if whole else "many"]
        if isinstance(part, ast.Constant)
    }
    assert set(one.thresholds) <= read


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.code)
def test_a_finding_shows_only_numbers_that_speak_for_it(one):
    hurt = {"layers": stack(3, silent=1.0, saturated=1.0, update=0.3, gradient=0.0)}
    for evidence in (training(skills=0.0, **hurt), training(losses=[9.0] * 20, skills=0.3, **hurt)):
        for found in one(evidence):
            assert found.evidence and all(number.holds for number in found.evidence)


def test_no_code_stands_twice():
    assert len({one.code for one in RULES}) == len(RULES)


@pytest.mark.parametrize("evidence", [Evidence(), training(), training(output=regression())])
def test_nothing_seen_and_a_healthy_training_are_well(evidence):
    assert diagnose(evidence, RULES).findings == []


def test_a_diagnosis_is_data_that_json_holds():
    sick = training(output=regression(activation="sigmoid", least=-1.0, most=1.0), skills=0.0)
    told = diagnose(sick, RULES)
    assert told.cause is not None and told.cause.code == "wrong-output-activation"
    assert json.loads(json.dumps(told.to_dict(), allow_nan=False))["healthy"] is False
