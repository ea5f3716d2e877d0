"""Builds the native kernels where a C compiler is; where none is, the installation goes on."""

import hashlib
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("src/latih/engine/capture/native")
SECONDS = 300
"""A compiler that takes longer is stopped."""

# Not -ffast-math: NaN and infinities must come through. What is left out are only `errno` and the
# flags of exceptions, which nobody reads, and which keep loops from being vectorised.
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math")
HIDDEN = ("-fvisibility=hidden",)
UNDEFINED = ("-undefined", "dynamic_lookup")
"""What Apple's linker must be told about the functions that come from Python itself."""


class NativeBuild(BuildHookInterface):
    """Compiles the C files into an extension module beside them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; if it cannot be done, say so, and build the package without."""
        del version
        try:
            built = compiled(Path(self.root) / NATIVE)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"Latih is installed without its native kernels: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(str(built.relative_to(self.root)))


def compiled(folder: Path) -> Path:
    """Compile the C files of a folder into a module there, and return its path.

    Args:
        folder: where they are.

    Raises:
        OSError: there is no compiler, or it cannot be started.
        subprocess.SubprocessError: it failed, or took too long.
    """
    compiler = _compiler()
    module = folder / f"_kernels{sysconfig.get_config_var('EXT_SUFFIX')}"
    part = module.with_suffix(".part")
    command = [*compiler, *FLAGS, *HIDDEN, f"-I{sysconfig.get_paths()['include']}"]
    if "darwin" in sysconfig.get_platform() or "macos" in sysconfig.get_platform():
        command += UNDEFINED
    command += [f'-DSOURCES="{sources_of(folder)}"']
    command += [*map(str, sorted(folder.glob("*.c"))), "-o", str(part), "-lm"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        part.replace(module)  # in one move: a running program keeps the old one
    finally:
        part.unlink(missing_ok=True)
    return module


def sources_of(folder: Path) -> str:
    """Return what tells the C files of a folder from others; ``native/library.py`` asks the same.

    Args:
        folder: where they are.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.[ch]")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _compiler() -> list[str]:
    for name in (sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        words = shlex.split(name or "")
        if words and shutil.which(words[0]):
            return words
    raise FileNotFoundError("there is no C compiler")
