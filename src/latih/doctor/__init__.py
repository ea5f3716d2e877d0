"""The doctor: it looks at a training, names what is wrong, and shows the measurement."""

from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.examine import examine
from latih.doctor.finding import Finding, Measured
from latih.doctor.one_batch import OneBatch, overfit_one_batch
from latih.doctor.read import read
from latih.doctor.rules import RULES
from latih.doctor.treat import treat
from latih.doctor.treatment import Treatment
from latih.doctor.words import Words

__all__ = [
    "RULES",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Measured",
    "OneBatch",
    "Treatment",
    "Words",
    "diagnose",
    "examine",
    "overfit_one_batch",
    "read",
    "treat",
]
