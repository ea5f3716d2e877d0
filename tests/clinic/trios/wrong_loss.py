"""A loss that takes raw scores gets probabilities: softmax twice.

The near miss gives it raw scores.
"""

from making import LINEAR, Trio, dense, of_clothes

from latih.losses import SparseCategoricalCrossentropy

_OF_SCORES = SparseCategoricalCrossentropy(from_logits=True)
TRIO = Trio(
    "wrong-loss",
    sick=of_clothes(dense(64), loss=_OF_SCORES),
    healthy=of_clothes(dense(64)),
    near_miss=of_clothes(dense(64), output=LINEAR, loss=_OF_SCORES),
)
