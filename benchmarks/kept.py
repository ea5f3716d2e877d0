"""What a long measurement knows so far: on the disk after each change, so that it can go on."""

import json
from pathlib import Path
from typing import Any

from latih.files import write_atomically


class Kept:
    """A JSON file and what it holds.

    Args:
        path: the file; its directory is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.known: dict[str, Any] = (
            json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        )

    def write(self) -> None:
        with write_atomically(self.path) as file:
            file.write((json.dumps(self.known, indent=1) + "\n").encode())
