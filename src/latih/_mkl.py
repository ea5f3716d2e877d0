"""That torch's products do not depend on where a batch lies; must be imported before torch is.

MKL takes other ways through a product as the rows lie in memory, and on processors that are not
Intel's these round differently: the same batch then gives other last bits, no replay of a step can
be proved, and a run that goes on does not reach the same bits. In its reproducible mode it rounds
alike wherever rows lie. On Intel's it does so without being told.
"""

import os
from pathlib import Path

PROCESSOR = Path("/proc/cpuinfo")

# What the user has set stays.
if PROCESSOR.is_file():
    with PROCESSOR.open(encoding="utf-8") as cores:
        # The first core tells of all; there may be hundreds.
        if "GenuineIntel" not in cores.read(1000):
            os.environ.setdefault("MKL_CBWR", "AUTO")
