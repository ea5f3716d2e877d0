"""What `latih train` takes beside an .npz file: maps, tables, folders of images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from latih.cli.app import app
from latih.data import mapped
from latih.errors import FileFormatError, InputError, LatihWarning
from latih.recipes import load_examples
from latih.recipes.files import read_data

ROWS = 200


def arrays(directory: Path) -> Path:
    np.save(directory / "x.npy", np.arange(ROWS * 3, dtype="float32").reshape(ROWS, 3))
    np.save(directory / "y.npy", np.arange(ROWS) % 2)
    return directory


def table(directory: Path) -> Path:
    frame = pd.DataFrame({"a": np.arange(ROWS) / 7, "b": np.arange(ROWS) % 5})
    frame.assign(kind=np.arange(ROWS) % 2).to_parquet(directory / "data.parquet")
    return directory / "data.parquet"


def images(directory: Path, mode: str = "L", size: tuple[int, int] = (6, 5)) -> Path:
    for name, value in (("dark", 20), ("light", 200)):
        (directory / name).mkdir()
        for number in range(20):
            image = Image.new(mode, size, (value,) * len(mode) if len(mode) > 1 else value)
            image.save(directory / name / f"{number}.png")
    return directory


def test_a_directory_of_arrays_stays_on_the_disk(tmp_path: Path) -> None:
    held, names = read_data(arrays(tmp_path))
    assert isinstance(held["x"], np.memmap) and names is None
    examples = load_examples(tmp_path, seed=1)
    parts = [examples.training, examples.validation, examples.test]
    assert sorted(np.concatenate([x[:, 0] for x, _ in parts])) == list(range(0, ROWS * 3, 3))
    assert examples.class_names == ("0", "1")


def test_of_a_large_map_the_last_rows_are_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LARGE", 1000)
    examples = load_examples(arrays(tmp_path), seed=1)
    parts = [examples.training, examples.validation, examples.test]
    assert [len(x) for x, _ in parts] == [162, 18, 20]
    assert all(isinstance(x, np.memmap) for x, _ in parts)
    assert np.concatenate([x[:, 0] for x, _ in parts]).tolist() == list(range(0, ROWS * 3, 3))
    np.save(tmp_path / "y.npy", np.arange(ROWS) // 100)
    with pytest.warns(LatihWarning, match="the rows that the recipe holds back"):
        load_examples(tmp_path, seed=1)


def test_of_a_table_y_or_the_last_column_is_predicted(tmp_path: Path) -> None:
    held, _ = read_data(table(tmp_path))
    assert held["x"].shape == (ROWS, 2) and held["y"].tolist() == [0, 1] * 100
    frame = pd.read_parquet(tmp_path / "data.parquet").rename(columns={"a": "y"})
    frame.to_parquet(tmp_path / "data.parquet")
    held, _ = read_data(tmp_path)
    np.testing.assert_allclose(held["y"], np.arange(ROWS) / 7, rtol=1e-6)
    np.testing.assert_array_equal(
        held["x"], np.stack([np.arange(ROWS) % 5, np.arange(ROWS) % 2], 1)
    )


@pytest.mark.parametrize(
    ("mode", "size", "shape"), [("L", (6, 5), (5, 6)), ("RGB", (100, 9), (9, 64, 3))]
)
def test_folders_of_images_are_classes(
    tmp_path: Path, mode: str, size: tuple[int, int], shape: tuple[int, ...]
) -> None:
    held, names = read_data(images(tmp_path, mode, size))
    assert held["x"].dtype == np.uint8 and held["x"].shape == (40, *shape)
    assert np.unique(held["x"][:20]) == 20 and np.unique(held["x"][20:]) == 200
    assert names == ["dark", "light"] and held["y"].tolist() == [0] * 20 + [1] * 20
    assert load_examples(tmp_path, seed=1).class_names == ("dark", "light")


def test_what_holds_no_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there are no (images|classes)"):
        read_data(tmp_path)
    np.save(tmp_path / "x.npy", np.zeros(3))
    with pytest.raises(FileFormatError, match="lacks y"):
        read_data(tmp_path)
    np.save(tmp_path / "y.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(FileFormatError, match=r"y\.npy' holds no array that can be read"):
        read_data(tmp_path)
    (tmp_path / "data.parquet").write_text("none")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_data(tmp_path / "data.parquet")


@pytest.mark.parametrize("make", [arrays, table, images])
def test_latih_train_takes_them(tmp_path: Path, make: object) -> None:
    (tmp_path / "data").mkdir()
    data = make(tmp_path / "data")  # type: ignore[operator]
    run = tmp_path / "run"
    options = ["--epochs", "2", "--hidden", "8", "--quiet", "--run-dir", str(run)]
    told = CliRunner().invoke(app, ["train", str(data), *options])
    assert told.exit_code == 0, told.output
    assert (run / "best.keras").is_file()
    told = CliRunner().invoke(app, ["resume", str(run), str(data), "--epochs", "3", "--quiet"])
    assert told.exit_code == 0, told.output
