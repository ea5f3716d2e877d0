"""Networks of timm, PyTorch Image Models, as models."""

import importlib
from typing import Any

import torch

from latih import layers
from latih.applications.torch_module import TorchModel
from latih.errors import InputError, MissingExtraError, near_matches
from latih.models import Model, Sequential


def from_timm(
    name: str,
    *,
    pretrained: bool = False,
    classes: int | None = None,
    input_shape: tuple[int, int, int] | None = None,
    include_preprocessing: bool = False,
    **kwargs: Any,
) -> Model:
    """Return a network of timm as a model; there are more than a thousand.

    Args:
        name: timm's name, such as ``"resnet18"`` or ``"vit_tiny_patch16_224"``.
        pretrained: whether timm downloads the weights that it has for the name.
        classes: how many classes the top tells apart; 0 for the pooled features and no top; None
            for timm's own number.
        input_shape: ``(height, width, channels)``; None for what the network was trained with.
        include_preprocessing: whether the model takes images of 0..255, which it brings into the
            network's range by a ``Rescaling`` layer; if not, the images must be in that range.
        kwargs: what ``timm.create_model`` takes besides, such as ``drop_rate``.

    Shapes:
        in: ``(n, height, width, 3)``; out: ``(n, classes)``.

    Returns:
        The model, not compiled: the network, or a ``Sequential`` of ``Rescaling`` and it.

    Raises:
        MissingExtraError: timm is not installed, or does not fit PyTorch.
        InputError: timm has no such network, or an argument cannot be used.

    Example:
        Where the package timm is::

            model = from_timm("resnet18", classes=4, include_preprocessing=True)
    """
    timm: Any = _timm()
    if not timm.is_model(name):
        raise InputError(
            "`name` of from_timm() is none of timm's networks",
            expected="a name of timm.list_models()",
            got=repr(name),
            fix=near_matches(str(name), timm.list_models()),
        )
    if classes is not None:
        kwargs["num_classes"] = classes
    module = timm.create_model(name, pretrained=pretrained, **kwargs)
    settings: dict[str, Any] = module.pretrained_cfg
    if input_shape is None:
        channels, height, width = settings["input_size"]
        input_shape = (height, width, channels)
    network = TorchModel(module, input_shape, name=name.replace(".", "_").replace("/", "_"))
    if not include_preprocessing:
        return network
    rescaling = layers.Rescaling(
        [1 / (255 * deviation) for deviation in settings["std"]],
        [-mean / dev for mean, dev in zip(settings["mean"], settings["std"], strict=True)],
    )
    return Sequential([layers.Input(input_shape), rescaling, network])


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        # timm brings torchvision, and the newest of that would bring another PyTorch.
        same = f"torch=={torch.__version__.split('+')[0]}"
        raise MissingExtraError(
            "networks of timm are not to be had",
            expected="the package timm",
            got=str(error),
            fix=f'Install it, and keep this PyTorch: pip install "latih[timm]" {same}.',
        ) from error
    except RuntimeError as error:
        # torchvision, which timm imports, refuses so to go with another build of PyTorch.
        raise MissingExtraError(
            "timm cannot be imported",
            expected="a torchvision that was built for the PyTorch that is installed",
            got=str(error),
            fix="Install both from one place: pip install --force-reinstall torch torchvision.",
        ) from error
