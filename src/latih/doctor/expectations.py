"""What each loss expects of outputs and targets, and what each activation can give.

The doctor's rules of outputs, losses and labels hold these tables beside what was measured.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist

from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured
from latih.doctor.words import Words

SPARSE = {"sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"}
"""Take class numbers 0..K-1, and a probability for each class."""

CATEGORICAL = {
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "kl_divergence",
}
"""Take a distribution over the classes, and a probability for each class."""

BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}
"""Take a target of 0..1 and a probability for each number of the output."""

DISTANCES = {
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
}
"""Take any numbers and compare them with the outputs one by one."""

ALIASES: Mapping[str, str] = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "huber_loss": "huber",
    "logcosh": "log_cosh",
    "bce": "binary_crossentropy",
}

RANGES: Mapping[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "squareplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "elu": (-1.0, math.inf),
    "celu": (-1.0, math.inf),
    "selu": (-1.7581, math.inf),
    "silu": (-0.2785, math.inf),
    "gelu": (-0.17, math.inf),
    "log_softmax": (-math.inf, 0.0),
    "log_sigmoid": (-math.inf, 0.0),
}
"""The least and the largest number that an activation comes near to; all others give any number."""

LEAST = Words("smallest output", "keluaran terkecil")
MOST = Words("largest output", "keluaran terbesar")
KEPT = Words("outputs that are kept within 0..1", "keluaran yang dijaga dalam 0..1")


def loss_of(output: OutputFacts) -> str:
    """Return the loss's full name."""
    return ALIASES.get(output.loss, output.loss)


def is_linear(activation: str | None) -> bool:
    """Say whether there is no activation."""
    return activation in (None, "linear")


def takes_probabilities(output: OutputFacts) -> bool:
    """Say whether the loss takes the logarithm of what the output gives."""
    return not output.from_logits and loss_of(output) in SPARSE | CATEGORICAL | BINARY


def gives_probabilities(output: OutputFacts) -> bool:
    """Say whether the outputs are certainly probabilities, by their activation or as measured.

    A softmax hidden in a user's own code shows by its rows, which sum to 1.
    """
    return output.activation in ("softmax", "sigmoid", "hard_sigmoid") or is_distribution(output)


def is_distribution(output: OutputFacts) -> bool:
    """Say whether the measured outputs lie in 0..1 and each row sums to 1."""
    within = output.output_least >= 0 and 0 < output.output_most <= 1 + 1e-4
    return output.width > 1 and within and output.sums < 1e-3


def was_measured(output: OutputFacts) -> bool:
    """Say whether somebody looked at the outputs before training."""
    return output.output_least != 0 or output.output_most != 0


def leaves_unit_interval(output: OutputFacts) -> bool:
    """Say whether some measured output is no probability."""
    return output.output_least < -1e-4 or output.output_most > 1 + 1e-4


def beside_unit_interval(output: OutputFacts) -> list[Measured]:
    """Return the outputs' ends beside 0 and 1; if nobody measured, how many are kept between."""
    if not was_measured(output):
        return [Measured(KEPT, 0, "<", output.width)]
    return [
        Measured(LEAST, output.output_least, "<", 0.0),
        Measured(MOST, output.output_most, ">", 1.0),
    ]


def targets_in_order(output: OutputFacts) -> list[float]:
    """Return the targets' quantiles, or what mean and deviation, or the ends, make of them."""
    if len(output.quantiles) > 1:
        return list(output.quantiles)
    if output.task == "regression" and output.deviation > 0:
        normal = NormalDist(output.mean, output.deviation)
        parts = [normal.inv_cdf((n + 0.5) / 21) for n in range(21)]
        return [min(max(part, output.least), output.most) for part in parts]
    width = output.most - output.least
    return [output.least + width * n / 20 for n in range(21)]


def out_of_reach(output: OutputFacts) -> tuple[float, float]:
    """Return the share of the targets that the activation cannot give, and what that costs.

    The cost is the share of the targets' variance that the best reachable prediction leaves:
    ``mean((y - clip(y))²) / variance(y)``; 1 - cost is the best R² that training can come to.
    """
    low, high = RANGES.get(output.activation or "linear", (-math.inf, math.inf))
    targets = targets_in_order(output)
    slack = 1e-3 * (abs(output.most - output.least) or 1.0)
    beyond = [max(low - y, y - high, 0.0) for y in targets]
    share = sum(one > slack for one in beyond) / len(targets)
    middle = sum(targets) / len(targets)
    variance = sum((y - middle) ** 2 for y in targets)
    cost = sum(one**2 for one in beyond) / variance if variance else 0.0
    return share, cost
