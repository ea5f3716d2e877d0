"""A run becomes a record that JSON can hold, whatever comes of it, and can be judged again."""

import json

import page
import pytest
import rounds
from cost import capped
from judging import rejudged
from making import adam, dense, moons, of_moons
from trial import run

from latih.errors import InputError


def kept(record):
    """Return the record as it comes back from the file."""
    return json.loads(json.dumps(record))


def test_a_run_is_kept_and_judged_again_alike():
    program = of_moons(dense(16), optimizer=adam(1e-2)).but(name="moons", enough=0.8)
    record = kept(run(program, 0, seconds=20, share=1.0))
    assert (record["epochs"], record["capped"], record["stopped"]) == (10, False, False)
    assert record["score"] > 0.8 and record["is_decent"] and not record["is_sick"]
    again = rejudged(record)
    assert again["findings"] == record["findings"]
    assert len(record["evidence"]["checks"]) > 5


def test_epochs_are_cut_to_the_time_and_that_is_said():
    program = of_moons(dense(16)).but(epochs=1000)
    record = run(program, 0, seconds=0.2, share=1.0)
    model, data = program.prepared(0)
    assert record["capped"] and 1 <= record["epochs"] < 1000
    # The clock may ring before: this machine may be busy.
    assert record["epochs"] <= capped(model, len(data.x), 32, 1000, 0.2)
    assert record["planned"] == 1000


def test_a_refusal_and_a_crash_are_kept():
    def refuse(seed):
        raise InputError("`y` holds labels out of range")

    def break_off(seed):
        raise ZeroDivisionError("by hand")

    refused = run(of_moons(dense(4)).but(make_data=refuse), 0, 1.0, 1.0)
    assert "out of range" in refused["refused"]
    broke = run(of_moons(dense(4)).but(make_data=break_off), 0, 1.0, 1.0)
    assert broke["broke"] == "ZeroDivisionError: by hand"
    assert kept(broke)["findings"] == []


def test_the_page_tells_what_was_missed_and_what_was_cried():
    def record(name, codes, *told, **more):
        program = of_moons(dense(4)).but(name=name, codes=codes, make_data=moons)
        made = run(program.but(epochs=1), 0, 20.0, 1.0)
        findings = [{"code": code, "severity": "fault"} for code in told]
        return {**made, "findings": findings, "told": dict.fromkeys(told, 5), **more}

    records = [
        record("right", ("overfitting",), "overfitting"),
        record("missed", ("overfitting",)),
        record("cried", (), "dying-relu"),
        record("quiet", ()),
    ]
    text = page.of(records, {"right": "tuning", "missed": "judging"}, ["x: not there"], 1.0)
    row = next(line for line in text.splitlines() if line.startswith("| **all**"))
    assert row.count("50.0% (1/2;") == 5
    assert "- missed (seed 0): it has overfitting" in text
    assert "- cried (seed 0): told dying-relu; on the way dying-relu at step 5" in text
    assert "- x: not there" in text


def test_a_file_of_cases_is_run_and_what_cannot_be_is_named(tmp_path, capsys):
    layer = {"layer": "dense", "units": 3, "activation": "softmax"}
    sound = {
        "id": "sound",
        "role": "control",
        "origin_kind": "somebody",
        "task": "multiclass",
        "input_shape": [2],
        "dataset": {"name": "at_blob"},
        "architecture": [{**layer, "units": 8, "activation": "relu"}, layer],
        "optimizer": {"name": "adam", "lr": 0.01},
        "loss": "categorical_crossentropy",
        "epochs": 3,
        "known_faults": ["healthy"],
        "healthy_twin": {},
    }
    odd = {**sound, "id": "odd", "architecture": [{"layer": "lstm", "units": 3}]}
    empty = {"id": "empty"}
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps({"cases": [sound, odd, empty]}))
    options = ["--cases", str(cases), "--parts", "cases", "--output", str(tmp_path / "out")]
    rounds.main([*options, "--processes", "1"])
    text = (tmp_path / "out" / "CLINIC.md").read_text()
    assert "1 runs of 1 programs" in text
    assert "- odd: nobody knows the layer 'lstm'" in text and "- empty: " in text
    rounds.main([*options, "--rejudge"])
    assert (tmp_path / "out" / "CLINIC.md").read_text() == text
    assert "Beside other systems" not in text
    stored = ["--stored", str(tmp_path / "stored")]
    for _ in range(2):  # a second round takes the place of the first
        rounds.main([*options, *stored, "--processes", "1", "--baselines"])
    assert len((tmp_path / "stored" / "baselines.jsonl").read_text().splitlines()) == 1
    assert "| AutoTrainer | none |" in (tmp_path / "out" / "CLINIC.md").read_text()


@pytest.fixture(autouse=True)
def split_stays(monkeypatch):
    """Let no test write the file of the halves."""
    monkeypatch.setattr(rounds.split, "write", lambda halves: None)
