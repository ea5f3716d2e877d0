"""Run the clinic, and write CLINIC.md: ``make clinic``.

Programs with a known illness and healthy ones are trained under the doctor's eyes: the published
cases of a file, the project's own trios of ``tests/clinic/trios``, and the healthy runs of
``healthy.py``. What each run was like is kept as a line of JSON, evidence and all, so that
``--rejudge`` can ask the rules again without training anything.

``--baselines`` runs published systems at the same programs, ``--treatments`` treats the sick ones;
what came of that lies in ``stored`` among the sources, and the page tells it.
"""

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before anybody imports torch
sys.path.append(str(Path(__file__).parents[2] / "tests" / "clinic"))

from rounds import main

if __name__ == "__main__":
    main()
