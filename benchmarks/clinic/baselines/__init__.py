"""Published systems for the same task, re-implemented from their constants, to stand beside.

Each is a function of :class:`signals.Signals` in a file of its own.
"""

from collections.abc import Callable, Mapping

from signals import Signals

from baselines import autotrainer, deepdiagnosis, sagemaker_debugger, umlaut
from baselines.problem import Problem

SYSTEMS: Mapping[str, Callable[[Signals], list[Problem]]] = {
    "AutoTrainer": autotrainer.problems,
    "DeepDiagnosis": deepdiagnosis.problems,
    "UMLAUT": umlaut.problems,
    "SageMaker Debugger": sagemaker_debugger.problems,
}
"""By what the tables call them."""
