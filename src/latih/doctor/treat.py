"""Treatment: remedies tried one after the other, each kept only if it helps."""

from typing import Any

from latih.arguments import whole
from latih.doctor.course import Course
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.setup import Setup
from latih.doctor.treatment import Treatment
from latih.doctor.trial_data import data_to_try


def treat(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    epochs: int = 10,
    batch_size: int | None = None,
    shuffle: bool = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    diagnosis: Diagnosis | None = None,
    trials: int = 4,
    seed: int = 0,
) -> Treatment:
    """Find out what ails a model, try what helps, and train the best.

    First the model is trained as it is, for a tenth of the epochs (but not below 100 steps or three
    epochs), while the doctor looks on. Then remedies are tried, those of the likeliest fault first;
    if there is none and the skill is below 0.9 (below 0.5 once something has helped), those of what
    is advised. Each is tried on a new model from its first weights, for the same time; one that
    only takes longer goes on with what is there, or begins anew where that is less than an epoch.
    One that beats the best so far is kept, and what follows builds on it; any other is
    rolled back. The gain must be more than chance makes; if it is below 0.2, more than twice the
    standard deviation between seeds, too, for which the untreated model is trained from a second
    one; and it need not be more than half of what is missing to a perfect score. What makes an
    output and a loss fit that contradict each other is kept unless it does harm. At last the best
    is trained for the rest of the epochs, and a fault that shows only then is treated as well.

    What decides is the skill on the rows held back, which does not depend on the loss. The model
    that comes out is the best that was measured, the given one among them; where nothing helped it
    is the last epoch's, unless an earlier one was better by more than chance makes.

    All happens on copies: the given model, and all random generators, are left as they were, and
    ``treatment.model`` is always another object. (``fit(..., doctor="treat")`` trains the model
    that it is called on.)

    Of a ``Sequential`` or a functional model the layers may be changed too; of a subclassed model
    or a module of torch's only how it is compiled and fitted.

    Args:
        model: a compiled model, trained or not.
        x: the examples, as ``fit()`` takes them.
        y: what they should come out as.
        validation_data: what to judge by; by default a fifth of the rows of arrays.
        epochs: how long the whole training is.
        batch_size: how many examples a step takes; 32 by default.
        shuffle: whether each epoch has an order of its own.
        class_weight: how much each class counts.
        sample_weight: how much each example counts.
        diagnosis: what ails it; by default the doctor looks.
        trials: how many remedies are tried at most, >= 0.
        seed: what all that is drawn follows from.

    Returns:
        What was tried and measured, what was changed, and the best model, which is a new one.

    Raises:
        NotReadyError: the model is not compiled.
        InputError: the data do not fit the model; or they are iterated, and nothing is given to
            judge by; or the optimizer has groups, which no other model could keep.

    Example:
        >>> import torch
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([1]), Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x = torch.linspace(-1, 1, 64)[:, None]
        >>> treatment = treat(model, x, 3 * x, epochs=2)
        >>> treatment.skill >= treatment.given_skill
        True
    """
    model.compiled("treat()")
    epochs = whole(epochs, "epochs", "treat()", least=1)
    trials = whole(trials, "trials", "treat()", least=0)
    data = data_to_try(x, y, validation_data, sample_weight, seed)
    asked = Setup.of(
        model, epochs=epochs, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight
    )
    # Who says what ails it is believed, and nobody looks for more.
    course = Course(model, asked, data, seed, trials, looks_again=diagnosis is None)
    with course.leaving_no_trace():
        course.look(diagnosis)
        course.try_remedies()
        course.train_best()
        return course.ended()
