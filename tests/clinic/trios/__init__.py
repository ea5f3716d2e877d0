"""For each illness a sick net, its healthy twin, and one that only looks sick."""

from collections.abc import Sequence

from making import Trio

from trios import (
    bad_initialisation,
    class_imbalance,
    dying_relu,
    exploding_gradient,
    label_range,
    learning_rate_too_high,
    learning_rate_too_low,
    missing_nonlinearity,
    missing_shuffle,
    nan_or_inf,
    oscillating_loss,
    overfitting,
    parameters_not_training,
    saturated_activation,
    train_validation_mismatch,
    under_training,
    underfitting,
    unnormalised_inputs,
    unnormalised_targets,
    vanishing_gradient,
    wrong_loss,
    wrong_output_activation,
)

TRIOS: Sequence[Trio] = (
    nan_or_inf.TRIO,
    learning_rate_too_high.TRIO,
    learning_rate_too_low.TRIO,
    under_training.TRIO,
    oscillating_loss.TRIO,
    vanishing_gradient.TRIO,
    exploding_gradient.TRIO,
    dying_relu.TRIO,
    saturated_activation.TRIO,
    bad_initialisation.TRIO,
    unnormalised_inputs.TRIO,
    unnormalised_targets.TRIO,
    wrong_output_activation.TRIO,
    wrong_loss.TRIO,
    label_range.TRIO,
    class_imbalance.TRIO,
    missing_shuffle.TRIO,
    overfitting.TRIO,
    underfitting.TRIO,
    missing_nonlinearity.TRIO,
    parameters_not_training.TRIO,
    train_validation_mismatch.TRIO,
)
