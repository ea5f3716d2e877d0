"""The illnesses that are known, the deeper causes before what follows from them."""

from collections.abc import Sequence

from latih.doctor.rule import Rule

RULES: Sequence[Rule] = ()
