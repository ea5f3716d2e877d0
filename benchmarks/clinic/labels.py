"""What the words of published cases are in the doctor's: a label may mean one of several codes."""

import re
from collections.abc import Iterable, Mapping

HEALTHY = "healthy"
NAMELESS = "?"
"""What a program has whose labels are not in the table: it can be detected and not named."""

CODES = (
    "nan-or-inf",
    "learning-rate-too-high",
    "learning-rate-too-low",
    "under-training",
    "oscillating-loss",
    "vanishing-gradient",
    "exploding-gradient",
    "dying-relu",
    "saturated-activation",
    "bad-initialisation",
    "unnormalised-inputs",
    "unnormalised-targets",
    "wrong-output-activation",
    "wrong-loss",
    "label-range",
    "class-imbalance",
    "missing-shuffle",
    "overfitting",
    "underfitting",
    "missing-nonlinearity",
    "parameters-not-training",
    "train-validation-mismatch",
)
"""All that the doctor can say, in the order of the table that it comes from."""

LABELS: Mapping[str, tuple[str, ...]] = {
    "bad_initialisation": ("bad-initialisation",),
    "symmetry": ("bad-initialisation",),
    # An epsilon of nearly 0 lets Adam's steps be huge where the gradients are tiny.
    "bad_optimizer_epsilon": ("learning-rate-too-high", "oscillating-loss"),
    "batch_too_small": ("oscillating-loss",),
    "class_imbalance": ("class-imbalance",),
    # The doctor's table has rows and targets that do not belong together beside the order.
    "corrupted_labels": ("missing-shuffle",),
    "features_shuffled_alone": ("missing-shuffle",),
    "missing_shuffle": ("missing-shuffle",),
    "degenerate_labels": ("label-range", "class-imbalance"),
    "label_range": ("label-range",),
    "diverging_loss": ("learning-rate-too-high", "exploding-gradient", "nan-or-inf"),
    "double_softmax": ("wrong-loss", "wrong-output-activation"),
    "missing_softmax_or_from_logits": ("wrong-output-activation", "wrong-loss"),
    "wrong_loss": ("wrong-loss",),
    "wrong_loss_reduction": ("wrong-loss",),
    "gradient_ascent": ("wrong-loss",),
    "target_shape_broadcast": ("label-range", "wrong-loss"),
    # A metric that rounds what is no probability: output, loss and metric do not fit together.
    "wrong_metric_threshold": ("wrong-output-activation", "wrong-loss"),
    "wrong_output_activation": ("wrong-output-activation",),
    # Softmax or an exponential between layers: the doctor has no code but for what they do.
    "wrong_hidden_activation": (
        "missing-nonlinearity",
        "saturated-activation",
        "vanishing-gradient",
        "exploding-gradient",
    ),
    "missing_hidden_activation": ("missing-nonlinearity",),
    "dropout_before_activation_or_pooling": ("underfitting", "train-validation-mismatch"),
    "dropout_too_high": ("underfitting",),
    "over_regularised": ("underfitting",),
    "underfitting": ("underfitting",),
    "missing_regularisation": ("overfitting",),
    "overfitting": ("overfitting",),
    "dying_relu": ("dying-relu",),
    "exploding_activations": ("exploding-gradient",),
    "exploding_gradient": ("exploding-gradient",),
    "vanishing_gradient": ("vanishing-gradient",),
    "saturated_activation": ("saturated-activation",),
    "lr_invalid": ("learning-rate-too-high", "learning-rate-too-low", "parameters-not-training"),
    "lr_too_high": ("learning-rate-too-high",),
    "lr_too_low": ("learning-rate-too-low",),
    "slow_convergence": ("learning-rate-too-low", "under-training"),
    "poor_optimizer": ("learning-rate-too-low", "oscillating-loss"),
    "under_training": ("under-training",),
    "oscillating_loss": ("oscillating-loss",),
    "nan_or_inf": ("nan-or-inf",),
    "numerically_unstable_loss": ("nan-or-inf", "wrong-loss"),
    "unnormalised_inputs": ("unnormalised-inputs",),
    "over_normalised_inputs": ("unnormalised-inputs",),
    "unnormalised_targets": ("unnormalised-targets",),
    "train_test_scale_mismatch": ("train-validation-mismatch",),
    "validation_leak": ("train-validation-mismatch",),
}
"""By the label, the codes that would name it."""

REFUSALS: Mapping[str, tuple[str, ...]] = {
    r"labels out of range|holds fractions|outside 0\.\.1": ("label-range",),
    r"cannot tell classes apart": ("wrong-loss", "wrong-output-activation"),
    r"another number of classes|does not fit the model's outputs|class numbers|one-hot": (
        "label-range",
        "wrong-loss",
    ),
    r"\bnan\b|\binf\b|not finite|infinite": ("nan-or-inf",),
    r"learning.?rate": ("learning-rate-too-high", "learning-rate-too-low"),
    r"nothing to train|no trainable": ("parameters-not-training",),
}
"""By what ``fit`` says when it refuses to begin, the codes that say the same."""


def codes_of(label: str) -> tuple[str, ...]:
    """Return the codes that would name a label; one of the doctor's own codes names itself."""
    own = label.replace("_", "-")
    return LABELS.get(label) or ((own,) if own in CODES else ())


def all_codes(labels: Iterable[str]) -> tuple[str, ...]:
    """Return each code that would name one of the labels, once, in their order."""
    return tuple(dict.fromkeys(code for label in labels for code in codes_of(label)))


def refused_as(message: str) -> tuple[str, ...]:
    """Return the codes that a refusal names; none if it is about something else."""
    for pattern, codes in REFUSALS.items():
        if re.search(pattern, message, re.IGNORECASE):
            return codes
    return ()
