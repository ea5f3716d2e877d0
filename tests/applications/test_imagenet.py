"""What the networks say in words: Keras's form, torchvision's names."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latih.applications import decode_predictions
from latih.applications.imagenet import class_names
from latih.errors import InputError


def test_the_names_are_torchvisions(peers: SimpleNamespace) -> None:
    theirs = peers.torchvision.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    own = [name.replace("_", " ") for _, name in class_names()]
    # torchvision tells two pairs of one name apart: cranes, and bathing suits.
    differ = [(a, b) for a, b in zip(own, theirs, strict=True) if a != b]
    assert differ == [("crane", "crane bird"), ("maillot", "maillot tank suit")]
    numbers = [number for number, _ in class_names()]
    assert numbers == sorted(set(numbers)) and len(numbers) == 1000


def test_the_most_probable_come_first_in_kerass_form() -> None:
    scores = np.zeros((2, 1000), np.float32)
    scores[0, [285, 281, 967]] = 0.7, 0.2, 0.1
    scores[1, 967] = 1
    first, second = decode_predictions(scores, top=3)
    assert [(number, name) for number, name, _ in first] == [
        ("n02124075", "Egyptian_cat"),
        ("n02123045", "tabby"),
        ("n07920052", "espresso"),
    ]
    np.testing.assert_allclose([score for *_, score in first], [0.7, 0.2, 0.1], rtol=1e-6)
    assert second[0] == ("n07920052", "espresso", 1.0) and len(second) == 3
    assert len(decode_predictions(torch.rand(1, 1000))[0]) == 5


@pytest.mark.parametrize("shape", [(1000,), (2, 10), (1, 1, 1000)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"shape \(n, 1000\)"):
        decode_predictions(np.zeros(shape))
