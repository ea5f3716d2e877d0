"""``fit(doctor="treat")``: watched; at a fault, treated; then trained on with what helped.

A treatment cannot change the net of a training under way. So that training ends, the model becomes
what was better, and a second one goes on; who listens begins with it anew.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from latih.callbacks import Doctor, GradualUnfreezing, History
from latih.data import as_arrays, is_stream, split_last
from latih.doctor.adopting import adopt
from latih.doctor.best_so_far import BestSoFar
from latih.doctor.setup import Setup, refused_groups, require_no_groups
from latih.doctor.setup_data import changed, difference
from latih.doctor.treating import TreatingDoctor
from latih.doctor.treatment import Treatment
from latih.doctor.trial_data import Data, data_to_try
from latih.doctor.trying import Start, skill_of
from latih.engine.callback_states import callback_states, put_back
from latih.engine.events import Callback
from latih.errors import InputError
from latih.models.kept_run import make_page
from latih.run_directory import RunDirectory


def fit_treated(
    model: Any, x: Any, y: Any, callbacks: Sequence[Callback], told: Mapping[str, Any]
) -> History:
    """Train a model, and if a fault is found, with what helps against it.

    Args:
        model: a compiled model, which becomes what was better.
        x: as in ``fit()``.
        y: the same.
        callbacks: the same.
        told: the other arguments of ``fit()``, by their names, but for ``doctor``.

    Raises:
        InputError: groups of layers have rates of their own; or as in ``fit()``.
    """
    require_no_groups(model)
    if any(isinstance(one, GradualUnfreezing) for one in callbacks):
        raise refused_groups("the callback GradualUnfreezing")
    run = _run_of(told["run_dir"])
    if run is not None and was_treated(run, told["resume"]):
        return _go_on(model, x, y, callbacks, told, run)
    own = [one for one in callbacks if type(one).__module__.startswith("latih.")]
    before = copy.deepcopy(callback_states(own))
    doctor = TreatingDoctor(lambda: _data(x, y, told), _of_a_setup(told))
    doctor.set_params({"verbose": told["verbose"]})  # for a training that is refused
    doctor.meet(model)
    try:
        history = model.fit(x, y, **told, callbacks=callbacks, doctor=doctor)
    except InputError as refusal:  # such as labels for which there are no units
        history = None
        if not doctor.treats_refused(model):
            raise refusal
    if doctor.course is None and doctor.diagnosis.faults and model.completed:
        doctor.treat()  # what only shows at the end, such as too few epochs
    course = doctor.course
    if course is None:
        assert history is not None
        if doctor.in_vain is not None:
            history.treatment = replace(_recalled(doctor), history=history.history)
            doctor.say(history.treatment.ended())
            _write_at_the_end(run, history.treatment, {})
        return history
    treatment = course.so_far()
    extra: dict[str, Any] = {}
    if course.kept:
        doctor.say_what_helps()
        # What callbacks remember was measured on another net.
        put_back(own, before)
        adopt(model, course.best.model)
        earlier = [{**record, "before_treatment": True} for record in doctor.told]
        extra = {"setup": difference(course.asked, course.best.setup), "findings": earlier}
        if run is not None:
            run.begin_anew()
            _write(run, treatment, extra)
        done = course.best.trained if course.best.trained < course.best.setup.epochs else 0
        history, steps = _fit(model, x, y, callbacks, told, course.best.setup, earlier, done)
        treatment = replace(treatment, steps=treatment.steps + steps)
    assert history is not None
    skill = skill_of(model, course.best.facts, course.best.rows)
    history.treatment = replace(treatment, model=model, skill=skill, history=history.history)
    doctor.say(history.treatment.ended())
    _write_at_the_end(run, history.treatment, extra)
    return history


def _recalled(doctor: TreatingDoctor) -> Treatment:
    """Return what was tried before a run broke off, and helped nothing."""
    assert doctor.in_vain is not None
    treatment = Treatment.recalled(doctor.in_vain, doctor.model)
    if doctor.rows is None:
        return treatment
    skill = skill_of(doctor.model, doctor.evidence.facts, doctor.rows)
    return replace(treatment, skill=skill)


def was_treated(run_dir: Any, resume: Any) -> bool:
    """Say whether the run of a directory was treated, and is to be gone on with as it is now."""
    run = _run_of(run_dir)
    return run is not None and resume is not False and bool(run.treatment.read().get("setup"))


def _go_on(
    model: Any,
    x: Any,
    y: Any,
    callbacks: Sequence[Callback],
    told: Mapping[str, Any],
    run: RunDirectory,
) -> History:
    """Go on with a run that was treated before it broke off: what was changed is changed again."""
    record = run.treatment.read()
    asked = Setup.of(model, **_of_a_setup(told))
    setup = changed(asked, record["setup"])
    setup = replace(setup, epochs=max(setup.epochs, asked.epochs))
    # Killed before its first snapshot, it begins as a trial does: with a base's weights, if it has
    # one.
    adopt(model, Start(model).model(setup))
    history, _ = _fit(model, x, y, callbacks, told, setup, record.get("findings") or ())
    history.treatment = Treatment.recalled(record, model)
    return history


def _fit(
    model: Any,
    x: Any,
    y: Any,
    callbacks: Sequence[Callback],
    told: Mapping[str, Any],
    setup: Setup,
    earlier: Sequence[Mapping[str, Any]],
    done: int = 0,
) -> tuple[History, int]:
    """Train what a treatment has made; return the record and how many steps that took.

    Args:
        model: it.
        x: as in ``fit()``.
        y: the same.
        callbacks: the same.
        told: the other arguments of ``fit()``.
        setup: how it is fitted now.
        earlier: what was found before.
        done: how many epochs its trial has trained.
    """
    judge, doctor = BestSoFar(setup.patience), Doctor()
    doctor.earlier = earlier
    first = told["initial_epoch"]
    arguments = {
        **told,
        "epochs": first + setup.epochs,
        "initial_epoch": first + done,
        "batch_size": setup.batch_size,
        "shuffle": setup.shuffle,
        "class_weight": setup.class_weight,
        "resume": told["resume"] if told["resume"] == "force" else "auto",
    }
    history = model.fit(x, y, **arguments, callbacks=[judge, *callbacks], doctor=doctor)
    return history, judge.steps


def _of_a_setup(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return those arguments of ``fit()`` that a treatment may change."""
    named = {name: told[name] for name in ("batch_size", "shuffle", "class_weight")}
    return {**named, "epochs": max(told["epochs"] - told["initial_epoch"], 1)}


def _write_at_the_end(
    run: RunDirectory | None, treatment: Treatment, extra: Mapping[str, Any]
) -> None:
    if run is not None:
        _write(run, treatment, extra)
        make_page(run, stacklevel=5)  # anew: what the treatment came to is known only now


def _write(run: RunDirectory, treatment: Treatment, extra: Mapping[str, Any]) -> None:
    told = {"story": treatment.story(), "changed": [astuple(one) for one in treatment.changes]}
    run.treatment.write({**treatment.to_dict(), **told, **extra})


def _run_of(run_dir: Any) -> RunDirectory | None:
    return None if run_dir is None else RunDirectory.of(run_dir)


def _data(x: Any, y: Any, told: Mapping[str, Any]) -> Data:
    """Return what trials train on and what they are judged by, as ``fit()`` would part it."""
    weights, held_back = told["sample_weight"], told["validation_data"]
    if told["validation_split"] and held_back is None and not is_stream(x):
        given = {"x": x, "y": y, "sample_weight": weights}
        parts = [None if one is None else as_arrays(one, name) for name, one in given.items()]
        (x, y, weights), (held_x, held_y, _) = split_last(told["validation_split"], *parts)
        held_back = held_x, held_y
    return replace(
        data_to_try(x, y, held_back, weights, seed=0),
        steps_per_epoch=told["steps_per_epoch"],
        validation_steps=told["validation_steps"],
    )
