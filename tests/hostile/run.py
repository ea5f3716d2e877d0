"""Tries every hostile file on every way in, and prints what came of it: ``make hostile``."""

import sys
import tempfile
from pathlib import Path

from hostile_files.campaign import run
from hostile_files.corpus import CORPUS
from hostile_files.mutations import mutations

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        campaign = run([*CORPUS, *mutations(archives=200, others=50)], Path(folder))
    print(campaign.told())
    sys.exit(bool(campaign.failures))
