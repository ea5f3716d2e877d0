"""Where a fine-tuning is written and how it is shown."""

from dataclasses import dataclass, replace
from typing import Any

from latih.callbacks.progress import Verbose
from latih.models.kept_run import Resume
from latih.run_directory import RunDirectory


@dataclass(frozen=True)
class Keeping:
    """Where a run is written and how it is shown, as ``fit()`` takes it."""

    verbose: Verbose = 0
    run_dir: RunDirectory | None = None
    resume: Resume = "auto"
    snapshot_every: Any = "60s"

    def second(self) -> "Keeping":
        """Return the same for the second cycle, which is a run of its own within the first."""
        if self.run_dir is None:
            return self
        # It may have to begin where the first goes on.
        resume: Resume = "auto" if self.resume is True else self.resume
        return replace(self, run_dir=self.run_dir.second_cycle, resume=resume)
