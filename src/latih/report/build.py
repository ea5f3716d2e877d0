"""The one thing this room does: read a run, write its page."""

import os
from pathlib import Path

from latih.errors import MissingExtraError
from latih.files import write_atomically
from latih.report.record import read_record
from latih.run_directory import RunDirectory


def build_report(run: RunDirectory | str | os.PathLike[str]) -> Path:
    """Write the page of a run, ``report.html``, into its run directory.

    One file holds everything: it opens offline, can be mailed or printed, and the same run gives
    the same bytes, so that two pages can be compared. A run that was stopped half-way, or that was
    never evaluated, gets a page of what there is.

    Args:
        run: a run directory, or the path of one.

    Returns:
        The path of the page.

    Raises:
        FileFormatError: the directory is none that a run wrote, or one of its files is damaged.
        MissingExtraError: matplotlib or jinja2 is not installed.
        UnwritableError: the page cannot be written.

    Example:
        >>> import tempfile
        >>> run = RunDirectory.create(tempfile.mkdtemp())
        >>> run.write_settings({"run": {"name": "first try"}})
        >>> run.log.append({"epoch": 1, "loss": 0.7, "val_loss": 0.8})
        >>> build_report(run).name
        'report.html'
    """
    opened = RunDirectory.open(RunDirectory.of(run).path)
    record = read_record(opened)
    try:
        # Deferred because it imports matplotlib, which costs half a second and is an extra:
        # whoever imports latih and never asks for a page must not pay or need it.
        from latih.report.page import render_page
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"matplotlib", "jinja2", "markupsafe"}:
            raise
        raise MissingExtraError(
            "the page of a run cannot be made",
            expected="the packages matplotlib and jinja2",
            got=f"no module named {missing!r}",
            fix='Install them: pip install "latih[report]".',
        ) from error
    page = render_page(record)
    with write_atomically(opened.report_file) as file:
        file.write(page.encode("utf-8"))
    return opened.report_file
