"""The illnesses that are known, the deeper causes before what follows from them.

Where two are as probable, the one that stands first here is told first.
"""

from collections.abc import Sequence

from latih.doctor.rule import Rule
from latih.doctor.rules.bad_initialisation import bad_initialisation
from latih.doctor.rules.class_imbalance import class_imbalance
from latih.doctor.rules.dying_relu import dying_relu
from latih.doctor.rules.exploding_gradient import exploding_gradient
from latih.doctor.rules.label_range import label_range
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.learning_rate_too_low import learning_rate_too_low
from latih.doctor.rules.missing_nonlinearity import missing_nonlinearity
from latih.doctor.rules.missing_shuffle import missing_shuffle
from latih.doctor.rules.nan_or_inf import nan_or_inf
from latih.doctor.rules.oscillating_loss import oscillating_loss
from latih.doctor.rules.overfitting import overfitting
from latih.doctor.rules.parameters_not_training import parameters_not_training
from latih.doctor.rules.saturated_activation import saturated_activation
from latih.doctor.rules.train_validation_mismatch import train_validation_mismatch
from latih.doctor.rules.under_training import under_training
from latih.doctor.rules.underfitting import underfitting
from latih.doctor.rules.unnormalised_inputs import unnormalised_inputs
from latih.doctor.rules.unnormalised_targets import unnormalised_targets
from latih.doctor.rules.vanishing_gradient import vanishing_gradient
from latih.doctor.rules.wrong_loss import wrong_loss
from latih.doctor.rules.wrong_output_activation import wrong_output_activation

RULES: Sequence[Rule] = (
    # the data
    nan_or_inf,
    missing_shuffle,
    # the labels
    label_range,
    class_imbalance,
    # output and loss
    wrong_output_activation,
    wrong_loss,
    # scale
    unnormalised_inputs,
    unnormalised_targets,
    # initialisation
    bad_initialisation,
    # structure
    missing_nonlinearity,
    parameters_not_training,
    # the learning rate
    learning_rate_too_high,
    learning_rate_too_low,
    # what becomes of gradients and activations
    exploding_gradient,
    vanishing_gradient,
    dying_relu,
    saturated_activation,
    oscillating_loss,
    # generalisation
    train_validation_mismatch,
    overfitting,
    underfitting,
    under_training,
)
"""By hand, in the order of causes."""
