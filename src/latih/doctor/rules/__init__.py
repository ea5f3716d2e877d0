"""The illnesses that are known, the deeper causes before what follows from them.

Where two are as probable, the one that stands first here is told first.
"""

from collections.abc import Sequence

from latih.doctor.rule import Rule
from latih.doctor.rules.bad_initialisation import bad_initialisation
from latih.doctor.rules.class_imbalance import class_imbalance
from latih.doctor.rules.label_range import label_range
from latih.doctor.rules.missing_nonlinearity import missing_nonlinearity
from latih.doctor.rules.missing_shuffle import missing_shuffle
from latih.doctor.rules.parameters_not_training import parameters_not_training
from latih.doctor.rules.train_validation_mismatch import train_validation_mismatch
from latih.doctor.rules.unnormalised_inputs import unnormalised_inputs
from latih.doctor.rules.unnormalised_targets import unnormalised_targets
from latih.doctor.rules.wrong_loss import wrong_loss
from latih.doctor.rules.wrong_output_activation import wrong_output_activation

RULES: Sequence[Rule] = (
    # the data
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
    # generalisation
    train_validation_mismatch,
)
"""By hand, in the order of causes."""
