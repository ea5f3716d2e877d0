"""Kills training runs at random instants, and prints what came of them: ``make crash``."""

import os

# Many small nets side by side: a second thread each only waits. Forked processes have no other.
os.environ["OMP_NUM_THREADS"] = "1"  # before anybody imports torch

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from crashes.campaign import replay, run_campaign, told

import latih.report.build  # noqa: F401  # so that no killed process has imported it for nothing


def main() -> bool:
    """Do what the command line asks for, and say whether something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many in all")
    parser.add_argument("--fresh", type=int, default=6, help="of them in newly started processes")
    parser.add_argument("--seed", type=int, help="what all instants follow from")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--variant", type=int, default=0, help="that of the run to replay")
    parser.add_argument("--replay", type=int, help="the number of a run that went wrong")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="latih-crash-"))
    if asked.replay is not None:
        tallies = [replay(asked.variant, asked.replay, folder)]
    else:
        seed = int.from_bytes(os.urandom(4), "big") if asked.seed is None else asked.seed
        print(f"seed {seed}", flush=True)
        tallies = run_campaign(asked.kills, asked.fresh, seed, folder, asked.jobs)
    print(told(tallies))
    failed = any(tally.failures for tally in tallies)
    if failed:
        print(f"What they left is in {folder}.")
    else:
        shutil.rmtree(folder)
    return failed


if __name__ == "__main__":
    sys.exit(main())
