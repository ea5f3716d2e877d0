"""The doctor: it looks at a training, names what is wrong, and shows the measurement."""

from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding, Measured
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
    "Treatment",
    "Words",
    "diagnose",
    "treat",
]
