"""Exponentials between the layers: what goes forward explodes, and comes back so.

The near miss has norms of gradients far above what they are clipped to, and learns.
"""

from making import Trio, dense, of_taught, sgd

TRIO = Trio(
    "exploding-gradient",
    sick=of_taught(*[dense(16, "exponential")] * 4),
    healthy=of_taught(*[dense(16)] * 4),
    near_miss=of_taught(dense(64), dense(64), optimizer=sgd(0.05, momentum=0.9, clipnorm=0.5)),
)
