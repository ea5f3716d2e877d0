"""How torch's threads wait for each other; must be imported before torch is.

By default a thread of GNU OpenMP that has done its part spins for its fellows, seconds if need be.
When another program holds one of two cores, that fellow is not even running, and every operation
waits for the scheduler: an epoch of a small net took 3.8 s instead of 0.02 s. A bounded spin costs
little where nobody else is about, and nothing like that where somebody is.
"""

import os

# In turns of a loop of about a nanosecond. What the user has set stays.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
