"""The networks that Latih knows by name, for transfer, the command line and other choosers.

A new one is one more row of `APPLICATIONS`; nothing registers itself by being imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latih.applications import efficientnet_lite, mobilenet_v2, resnet
from latih.applications.pretrained import Pretrained
from latih.applications.torch_names import Names
from latih.errors import UnknownNameError, near_matches
from latih.layers import Layer
from latih.models import Model


@dataclass(frozen=True)
class Application:
    """A known network: how it is built, how it takes images, where its weights are found.

    Args:
        name: the name by which it is asked for.
        title: one line for a human.
        build: makes the model; takes what Keras's applications take, ``include_top``, ``weights``,
            ``input_shape``, ``pooling`` and so on, by name.
        preprocessing: makes the layers that turn images of 0..255 into what it takes, to be made
            part of a model.
        default_size: the height and width that it was trained with.
        features: how many numbers an image becomes with ``include_top=False, pooling="avg"``.
        pretrained: where its weights are found.
        names: what files of PyTorch call its layers.

    Example:
        >>> base = find("resnet18")
        >>> model = base.build(include_top=False, weights=None, pooling="avg")
        >>> model.output_shape[-1] == base.features
        True
        >>> [type(layer).__name__ for layer in base.preprocessing()]
        ['Rescaling']
    """

    name: str
    title: str
    build: Callable[..., Model]
    preprocessing: Callable[[], list[Layer]]
    default_size: int
    features: int
    pretrained: Pretrained
    names: Names


APPLICATIONS = (
    Application(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0: 4.7 million weights, which come as a package",
        build=efficientnet_lite.EfficientNetLite0,
        preprocessing=efficientnet_lite.preprocessing,
        default_size=efficientnet_lite.DEFAULT_SIZE,
        features=efficientnet_lite.FEATURES,
        pretrained=efficientnet_lite.PRETRAINED,
        names=efficientnet_lite.NAMES,
    ),
    Application(
        name="mobilenet-v2",
        title="MobileNetV2: 3.5 million weights",
        build=mobilenet_v2.MobileNetV2,
        preprocessing=mobilenet_v2.preprocessing,
        default_size=mobilenet_v2.DEFAULT_SIZE,
        features=mobilenet_v2.FEATURES,
        pretrained=mobilenet_v2.PRETRAINED,
        names=mobilenet_v2.NAMES,
    ),
    *(
        Application(
            name=name,
            title=f"{plan.pretrained.network}: {weights} million weights",
            build=build,
            preprocessing=resnet.preprocessing,
            default_size=resnet.DEFAULT_SIZE,
            features=plan.features,
            pretrained=plan.pretrained,
            names=plan.names(),
        )
        for name, weights, plan, build in (
            ("resnet18", 11.7, resnet.PLAN_18, resnet.ResNet18),
            ("resnet34", 21.8, resnet.PLAN_34, resnet.ResNet34),
            ("resnet50", 25.6, resnet.PLAN_50, resnet.ResNet50),
        )
    ),
)


def find(name: str) -> Application:
    """Look a network up by its name; capitals, ``-`` and ``_`` do not matter.

    Args:
        name: the name, such as ``"efficientnet-lite0"`` or ``"EfficientNetLite0"``.

    Raises:
        UnknownNameError: there is none of that name.

    Example:
        >>> find("MobileNetV2").name
        'mobilenet-v2'
    """
    for application in APPLICATIONS:
        if _plain(application.name) == _plain(str(name)):
            return application
    raise UnknownNameError(
        "there is no such network",
        expected="a name of latih.applications.APPLICATIONS",
        got=repr(name),
        fix=near_matches(str(name), [application.name for application in APPLICATIONS]),
    )


def preprocess_input(x: Any, application: str | Application) -> Any:
    """Return images of 0..255 as a network takes them.

    Each network's module has a function of this name, too, that needs no second argument.

    Args:
        x: ``(n, height, width, 3)`` in RGB.
        application: the network, or its name.

    Raises:
        UnknownNameError: there is no network of that name.

    Example:
        >>> preprocess_input([[[[255, 127, 0]]]], "efficientnet-lite0")
        tensor([[[[ 1.0000,  0.0000, -0.9922]]]])
    """
    known = application if isinstance(application, Application) else find(application)
    for layer in known.preprocessing():
        x = layer(x)
    return x


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
