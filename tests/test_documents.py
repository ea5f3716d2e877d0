"""What the documents show runs as it stands."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRANSLATIONS = {"README.md": "README.id.md", "docs/guide.md": "docs/guide.id.md"}
DOCUMENTS = [*TRANSLATIONS, *TRANSLATIONS.values()]


def python_blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("document", TRANSLATIONS)
def test_the_python_blocks_run_one_after_the_other(document: str, tmp_path: Path) -> None:
    blocks = python_blocks(document)
    assert blocks
    script = tmp_path / "blocks.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("document", "translation"), TRANSLATIONS.items())
def test_a_translation_shows_the_same_programs(document: str, translation: str) -> None:
    # But for the comments: so that what is true of the one when it runs is true of the other.
    programs = [
        [ast.dump(ast.parse(block)) for block in python_blocks(one)]
        for one in (document, translation)
    ]
    assert programs[0] == programs[1]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_links_within_the_repository_lead_somewhere(document: str) -> None:
    file = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


@pytest.mark.parametrize("readme", ["README.md", "README.id.md"])
def test_every_command_of_the_readme_is_one_that_there_is(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    told = set(re.findall(r"^latih ([\w-]+)", text, re.MULTILINE))
    helped = subprocess.run(
        [sys.executable, "-m", "latih", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=True,
    ).stdout
    assert told == {
        "train",
        "finetune",
        "pretrain",
        "resume",
        "doctor",
        "lr-find",
        "predict",
        "report",
        "datasets",
    }
    assert all(re.search(rf"\b{command}\b", helped) for command in told)


@pytest.mark.parametrize("readme", ["README.md", "README.id.md"])
def test_every_part_that_the_readme_lists_exists(readme: str) -> None:
    import latih

    text = (ROOT / readme).read_text(encoding="utf-8")
    for room in ("layers", "callbacks"):
        (row,) = re.findall(rf"^\| `{room}` \| ([^;|]+)", text, re.MULTILINE)
        for name in row.split(","):
            assert hasattr(getattr(latih, room), name.strip()), name


def files_of_the_repository() -> list[Path]:
    if (ROOT / ".git").exists():
        told = ["git", "ls-files"]
        listed = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True)
        return [Path(line) for line in listed.stdout.splitlines()]
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    return [one for one in files if one.parts[0] != "runs" and not one.parts[0].startswith(".")]


def test_no_run_that_a_test_or_a_try_left_is_in_the_repository() -> None:
    names = [path.name for path in files_of_the_repository()]
    assert "pyproject.toml" in names
    assert not {"run.toml", "log.jsonl", "report.html", "best.keras", "final.keras"} & set(names)
