"""Where Fashion-MNIST is looked for, in which order, and what is refused."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from latih import downloads
from latih.datasets import fashion_mnist
from latih.errors import DataUnavailableError, FileFormatError, UnwritableError

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def tiny_contents() -> dict[str, bytes]:
    """Six training and two test images in IDX form, written without the code under test."""
    contents = {}
    for part, count in (("train", 6), ("t10k", 2)):
        pixels = bytes((7 * position) % 256 for position in range(count * 28 * 28))
        contents[f"{part}-images-idx3-ubyte.gz"] = struct.pack(">4I", 0x803, count, 28, 28) + pixels
        contents[f"{part}-labels-idx1-ubyte.gz"] = struct.pack(">2I", 0x801, count) + bytes(
            range(count)
        )
    return contents


TINY = tiny_contents()


def put_tiny(place: Path, without: tuple[str, ...] = ()) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for name, content in TINY.items():
        if name not in without:
            (place / name).write_bytes(gzip.compress(content))
    return place


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep every test off this machine's data, its home and the network."""
    monkeypatch.delenv("LATIH_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_PLACE", tmp_path / "debian")
    # Port 9 of this machine, "discard", which nothing listens on: a connection is refused at once.
    monkeypatch.setattr(fashion_mnist, "_BASE_ADDRESS", "http://127.0.0.1:9/")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tiny set pass for Fashion-MNIST."""
    digests = {name: hashlib.sha256(TINY[name]).hexdigest() for name in reversed(NAMES)}
    monkeypatch.setattr(fashion_mnist, "_CONTENT_SHA256", digests)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "latih" / "fashion-mnist"


Serve = Callable[[dict[str, bytes]], list[str]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Give a function that serves files on 127.0.0.1 and returns the growing list of requests."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(files: dict[str, bytes]) -> list[str]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/fashion/")
                asked.append(name)
                if name not in files:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(files[name])))
                self.end_headers()
                self.wfile.write(files[name])

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        address = f"http://127.0.0.1:{server.server_port}/fashion/"
        monkeypatch.setattr(fashion_mnist, "_BASE_ADDRESS", address)
        return asked

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def assert_tiny(loaded: tuple[fashion_mnist.Part, fashion_mnist.Part]) -> None:
    (x_train, y_train), (x_test, y_test) = loaded
    for part, images, labels in (("train", x_train, y_train), ("t10k", x_test, y_test)):
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (len(labels), 28, 28)
        # Keras's loader skips the header by its length: 16 bytes for images, 8 for labels.
        assert images.tobytes() == TINY[f"{part}-images-idx3-ubyte.gz"][16:]
        assert labels.tobytes() == TINY[f"{part}-labels-idx1-ubyte.gz"][8:]


@pytest.mark.usefixtures("tiny")
def test_looks_in_its_places_in_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    chosen = tmp_path / "chosen"
    monkeypatch.setenv("LATIH_DATA", str(chosen))
    for place in (chosen / "fashion-mnist", chosen, cache, tmp_path / "debian"):
        put_tiny(place)

    def take_a_file_from(place: Path) -> None:
        (place / NAMES[2]).unlink()

    assert fashion_mnist.where() == chosen / "fashion-mnist"
    take_a_file_from(chosen / "fashion-mnist")
    assert fashion_mnist.where() == chosen
    assert_tiny(fashion_mnist.load_data())
    monkeypatch.delenv("LATIH_DATA")
    assert fashion_mnist.where() == cache
    take_a_file_from(cache)
    assert fashion_mnist.where() == tmp_path / "debian"
    assert_tiny(fashion_mnist.load_data())
    take_a_file_from(tmp_path / "debian")
    assert fashion_mnist.where() is None


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("named", ["", "relative/cache"])
def test_the_cache_is_in_the_home_unless_named_absolutely(
    named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    put_tiny(tmp_path / "relative" / "cache" / "latih" / "fashion-mnist")
    place = put_tiny(tmp_path / "home" / ".cache" / "latih" / "fashion-mnist")
    assert fashion_mnist.where() == place


@pytest.mark.usefixtures("tiny")
def test_latih_data_without_all_the_files_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    put_tiny(cache)
    chosen = put_tiny(tmp_path / "chosen", without=NAMES[:1])
    monkeypatch.setenv("LATIH_DATA", str(chosen))
    assert fashion_mnist.where() == cache
    assert_tiny(fashion_mnist.load_data())


@pytest.mark.usefixtures("tiny")
def test_an_empty_latih_data_counts_as_unset(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    put_tiny(cache)
    monkeypatch.setenv("LATIH_DATA", "")
    assert fashion_mnist.where() == cache


@pytest.mark.usefixtures("tiny")
def test_latih_data_may_begin_with_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATIH_DATA", "~/data")
    place = put_tiny(tmp_path / "home" / "data" / "fashion-mnist")
    assert fashion_mnist.where() == place


def test_files_of_the_same_names_in_the_cache_are_refused(cache: Path) -> None:
    put_tiny(cache)
    with pytest.raises(FileFormatError) as caught:
        fashion_mnist.load_data()
    told = str(caught.value)
    assert str(cache / NAMES[0]) in told
    assert hashlib.sha256(TINY[NAMES[0]]).hexdigest() in told
    assert "MNIST's files bear the same names" in told


def test_what_latih_data_holds_is_the_users_own_choice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATIH_DATA", str(put_tiny(tmp_path / "chosen")))
    assert_tiny(fashion_mnist.load_data())


@pytest.mark.usefixtures("tiny")
def test_downloads_into_the_cache_once(serve: Serve, cache: Path) -> None:
    # The name and the time in a gzip header are nobody's business: the contents are compared.
    files = {name: gzip.compress(content, mtime=7) for name, content in TINY.items()}
    asked = serve(files)
    assert_tiny(fashion_mnist.load_data())
    assert sorted(asked) == sorted(NAMES)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == files
    assert fashion_mnist.where() == cache
    assert_tiny(fashion_mnist.load_data())
    assert len(asked) == 4


@pytest.mark.usefixtures("tiny")
def test_downloads_only_what_the_cache_lacks(serve: Serve, cache: Path) -> None:
    asked = serve({name: gzip.compress(content) for name, content in TINY.items()})
    put_tiny(cache, without=NAMES[2:])
    assert_tiny(fashion_mnist.load_data())
    assert sorted(asked) == sorted(NAMES[2:])


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        # One pixel other, and gzip's own checksum right: only the SHA-256 can tell.
        (lambda content: gzip.compress(content[:-1] + b"\xff"), "contents of SHA-256"),
        (lambda content: gzip.compress(content)[:-9], "cannot be uncompressed"),
        (lambda content: b"<html>Log in to this network</html>", "cannot be uncompressed"),
        (lambda content: gzip.compress(content) + bytes(33 << 20), "at most 33554432 bytes"),
    ],
    ids=["another pixel", "cut short", "a login page", "too large"],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_download_is_refused_and_not_kept(
    name: str, damage: Callable[[bytes], bytes], told: str, serve: Serve, cache: Path
) -> None:
    files = {other: gzip.compress(content) for other, content in TINY.items()}
    serve(files | {name: damage(TINY[name])})
    with pytest.raises(FileFormatError) as caught:
        fashion_mnist.load_data()
    assert f"/fashion/{name}" in str(caught.value)
    assert told in str(caught.value)
    kept = sorted(path.name for path in cache.iterdir()) if cache.exists() else []
    assert not any(name in left for left in kept)
    assert fashion_mnist.where() is None


def test_the_tiny_set_is_refused_against_the_true_checksums(serve: Serve, cache: Path) -> None:
    serve({name: gzip.compress(content) for name, content in TINY.items()})
    with pytest.raises(FileFormatError, match="is not Fashion-MNIST's"):
        fashion_mnist.load_data()
    assert not cache.exists()


def test_without_a_network_the_error_tells_the_three_ways_out(cache: Path) -> None:
    with pytest.raises(DataUnavailableError) as caught:
        fashion_mnist.load_data()
    told = str(caught.value)
    assert "neither on this machine nor to be had from the network" in told
    assert "Connection refused" in told
    assert "`apt-get install dataset-fashion-mnist`" in told
    assert "name it in LATIH_DATA" in told
    assert "`latih train` without an argument needs neither" in told
    assert not cache.exists()


def test_an_address_that_has_gone_is_told_as_no_network(serve: Serve) -> None:
    asked = serve({})
    with pytest.raises(DataUnavailableError, match="HTTPError: HTTP Error 404"):
        fashion_mnist.load_data()
    # The smallest file is asked for first, and nothing after its failure.
    assert asked == ["t10k-labels-idx1-ubyte.gz"]


@pytest.mark.usefixtures("tiny")
def test_a_server_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    serve({})
    release = threading.Event()
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(BaseHTTPRequestHandler, "send_error", lambda *_: release.wait(10))
    try:
        with pytest.raises(DataUnavailableError, match="timed out"):
            fashion_mnist.load_data()
    finally:
        release.set()


@pytest.mark.usefixtures("tiny")
def test_a_cache_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serve: Serve
) -> None:
    serve({name: gzip.compress(content) for name, content in TINY.items()})
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UnwritableError, match="cannot write to the directory"):
        fashion_mnist.load_data()


def test_the_names_of_the_classes_are_those_of_the_paper() -> None:
    # Table 2 of https://arxiv.org/abs/1708.07747, in the spelling of upstream's README.
    assert fashion_mnist.CLASS_NAMES == (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
