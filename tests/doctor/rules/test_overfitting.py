import pytest
from evidences import curve, line, training

from latih.doctor.rules.overfitting import overfitting


def logs(*, val_loss: float, val_accuracy: float, train: float = 0.05, accuracy: float = 0.99):
    """Validation that is best at the tenth of thirty epochs and ends at what is given."""
    return {
        "loss": curve(1.0, train, 30),
        "val_loss": [*curve(1.0, 0.5, 10), *line(0.5, val_loss, 20)],
        "accuracy": curve(0.5, accuracy, 30),
        "val_accuracy": [*curve(0.5, 0.85, 10), *line(0.85, val_accuracy, 20)],
    }


def only_losses(**known: float):
    return {key: value for key, value in logs(**known).items() if key.endswith("loss")}


def test_forty_rows_and_a_wide_net() -> None:
    (found,) = overfitting(training(logs=logs(val_loss=1.5, val_accuracy=0.7), epochs=30))
    assert found.severity == "fault" and found.probability >= 0.9
    assert found.evidence[1].value > 5
    assert found.step is not None and found.step > 300


@pytest.mark.parametrize(
    ("val_accuracy", "severity"), [(0.84, "advice"), (0.88, "advice"), (0.79, "fault")]
)
def test_the_score_decides(val_accuracy: float, severity: str) -> None:
    known = logs(val_loss=0.9, val_accuracy=val_accuracy)
    (found,) = overfitting(training(logs=known, epochs=30))
    assert found.severity == severity


@pytest.mark.parametrize(("val_loss", "told"), [(0.54, False), (0.7, True)])
def test_a_tenth_above_the_best_is_the_threshold(val_loss: float, told: bool) -> None:
    known = logs(val_loss=val_loss, val_accuracy=0.85)
    assert bool(overfitting(training(logs=known, epochs=30))) == told


def test_four_epochs_are_too_few() -> None:
    known = {"loss": curve(1.0, 0.1, 9), "val_loss": [1.0, 0.8, 0.6, 0.5, 0.5, 0.7, 0.7, 0.7, 0.7]}
    assert overfitting(training(logs=known)) == []
    known["val_loss"][4] = 0.7
    assert len(overfitting(training(logs=known))) == 1


def test_a_training_loss_that_rises_too_is_something_else() -> None:
    known = logs(val_loss=1.5, val_accuracy=0.7)
    known["loss"] = list(known["val_loss"])
    assert overfitting(training(logs=known, epochs=30)) == []


def test_losses_alone_must_be_far_apart() -> None:
    (near,) = overfitting(training(logs=only_losses(val_loss=0.6, val_accuracy=0.8), epochs=30))
    (far,) = overfitting(training(logs=only_losses(val_loss=0.9, val_accuracy=0.8), epochs=30))
    assert (near.severity, far.severity) == ("advice", "fault")


def test_without_validation_nothing_is_known() -> None:
    assert overfitting(training(logs={"loss": curve(1.0, 0.0, 30)})) == []
    assert overfitting(training()) == []
