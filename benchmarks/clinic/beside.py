"""The published systems at the same programs, and their rows beside the doctor's."""

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import scoring
from baselines import SYSTEMS
from program import Program
from signals import Recorder
from split import HALVES
from trial import Record, described, trained

from latih.errors import LatihError

DOCTOR = "**Latih's doctor**"
HEAD = """## Beside other systems

The rules of published systems, re-implemented from their constants (`benchmarks/clinic/baselines`),
on the same runs: they see the first batch (outputs, pre-activations, gradients, weights) before the
training and after each epoch, and what each epoch logs. What `fit` refuses to train is left out,
for there is nothing to see; where a system was not made for a case, such as a regression without
an accuracy, it is read in its favour. What they call a problem is put into the doctor's words by a
table in each file; where one may mean several, any counts as named. *False alarm*: anything is
told, at any time, of a healthy run.
"""


def heard(program: Program, seed: int, seconds: float) -> Record:
    """Return what the systems say of a run.

    Args:
        program: to run.
        seed: of data, weights and order.
        seconds: the epochs are cut to what is guessed to take so long.
    """
    record, recorder = described(program, seed), Recorder()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            record |= trained(program, seed, seconds, recorder)
        except LatihError as error:
            record["refused"] = str(error)
        except Exception as error:  # a program that breaks must not take the others with it
            record["broke"] = f"{type(error).__name__}: {error}"
    seen = recorder.signals
    record["told"] = {name: [asdict(one) for one in say(seen)] for name, say in SYSTEMS.items()}
    return record


def section(
    records: Sequence[Record], runs: Sequence[Record], halves: Mapping[str, str]
) -> list[str]:
    """Return the lines that compare; none if nobody else was heard of these runs.

    Args:
        records: what the doctor said, judged by today's rules.
        runs: what the others said.
        halves: of the split, by the names of the programs.
    """
    own = {(one["name"], one["seed"]): one for one in records if not one.get("refused")}
    others = {(one["name"], one["seed"]): one for one in runs if not one.get("refused")}
    both = [key for key in own if key in others]
    if not both:
        return []
    lines = [HEAD]
    parts = [
        (f"The half for {one}", [k for k in both if halves.get(k[0]) == one]) for one in HALVES
    ]
    for title, keys in [("All runs", both), *parts]:
        chosen = [own[key] for key in keys]
        lines += [f"{title}: {len(keys)}.", "", *_table(chosen, [others[key] for key in keys])]
    return lines


def _table(own: Sequence[Record], others: Sequence[Record]) -> list[str]:
    lines = ["| | detected | first | in three | false alarms |", "|---|---|---|---|---|"]
    lines.append(_row(DOCTOR, own, scoring.said, scoring.is_false_alarm))
    for name in SYSTEMS:
        say = _said_by(name)
        lines.append(_row(name, others, say, lambda one, say=say: bool(say(one))))
    return [*lines, ""]


def _said_by(name: str) -> Callable[[Record], list[tuple[str, ...]]]:
    return lambda record: [tuple(one["codes"]) for one in record["told"][name]]


def _row(
    name: str,
    records: Sequence[Record],
    said: Callable[[Record], list[tuple[str, ...]]],
    is_false_alarm: Callable[[Record], bool],
) -> str:
    sick = [one for one in records if one["codes"] and one.get("is_sick", True)]
    healthy = [one for one in records if not one["codes"] and one.get("is_decent", False)]
    cells = [
        scoring.share(bool(said(one)) for one in sick),
        *(
            scoring.share(
                any({*one["codes"]} & {*codes} for codes in said(one)[:among]) for one in sick
            )
            for among in (1, 3)
        ),
        scoring.share(map(is_false_alarm, healthy)),
    ]
    return f"| {name} | {' | '.join(map(str, cells))} |"
