"""The section of the page on treatments: what they reached, at what cost, beside a lot."""

from collections.abc import Sequence
from statistics import mean, median

from scoring import share
from trial import Record

NEAR = 0.05
"""Within so much of the healthy twin a program counts as mended."""

WORSE = 0.02
"""By so much less than untreated a program counts as worse: one row in fifty."""

HEAD = """## Treatment

Each sick program that has a healthy twin, treated: `doctor.treat` with its defaults, which judges
by every other row of those held back. On the rest all are scored: by the mean over the classes of
the share that is right, or the share of variance explained. *Mended*: within five points of the
healthy twin. *By lot*: as many remedies as the doctor tried, drawn from all that apply, in the same
transaction. *Worse*: more than two points below the same program untreated. *Cost*: all steps that
were trained, over those of a plain training.
"""


def section(runs: Sequence[Record]) -> list[str]:
    """Return the lines on treatments; none if nothing was treated."""
    done = [one for one in runs if "treated" in one]
    if not done:
        return []
    lines = [HEAD, f"{len(runs)} runs of {len({one['name'] for one in runs})} programs.", ""]
    columns = "mended | mended by lot | untreated | treated | by lot | healthy twin | worse"
    lines += [f"| | {columns} | mean cost | median trials |", "|---" * 10 + "|"]
    origins = sorted({one["origin"] for one in done})
    parts = [(one, [r for r in done if r["origin"] == one]) for one in origins]
    lines += [_row(name, part) for name, part in [*parts, ("**all**", done)]]
    lines += ["", "### Not mended", "", *(_line(one) for one in done if not is_mended(one))]
    lines += ["", "### Worse than untreated", ""]
    lines += [_line(one) for one in done if is_worse(one)] or ["- none"]
    broke = [f"- {_name(one)}: {one['broke'][:200]}" for one in runs if "broke" in one]
    return [*lines, "", "### Broke off", "", *(broke or ["- none"]), ""]


def is_mended(run: Record, which: str = "treated") -> bool:
    """Whether it does as well as its healthy twin, or nearly."""
    return run[which] >= run["twin"] - NEAR


def is_worse(run: Record) -> bool:
    """Whether it does worse than if nobody had touched it."""
    return run["treated"] < run["untreated"] - WORSE


def _row(name: str, runs: Sequence[Record]) -> str:
    cells = [
        str(share(map(is_mended, runs))),
        str(share(is_mended(one, "by_lot") for one in runs)),
        *(
            f"{100 * mean(one[which] for one in runs):.1f}"
            for which in ("untreated", "treated", "by_lot", "twin")
        ),
        str(sum(map(is_worse, runs))),
        f"{mean(one['cost'] for one in runs):.2f}",
        f"{median(len(one['trials']) for one in runs):g}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _line(run: Record) -> str:
    tried = [f"{one['remedy']}{' (kept)' * one['kept']}" for one in run["trials"]]
    points = {name: 100 * run[name] for name in ("untreated", "treated", "twin")}
    told = ", ".join(f"{name} {value:.0f}" for name, value in points.items())
    return (
        f"- {_name(run)}: {told}; found {', '.join(run['found']) or 'nothing'}; "
        f"tried {', '.join(tried) or 'nothing'}; cost {run['cost']:.2f}"
    )


def _name(run: Record) -> str:
    return f"{run['name']} (seed {run['seed']})"
