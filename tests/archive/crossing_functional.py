"""Graphs of layers: shared, skipped, nested, with several inputs and outputs."""

from typing import Any

import crossing_case as data
from crossing_case import NEVER, case
from crossing_subclassed import custom_layers

CLASSES = "sparse_categorical_crossentropy"


@case(data.X, data.Y1, "mse", "adam")
def chain(k: Any) -> Any:
    x = k.Input((6,), name="features")
    hidden = k.layers.Dense(5, "relu", name="hidden")(x)
    return k.Model(x, k.layers.Dense(1, name="result")(hidden), name="regression")


@case(data.IMAGES, data.LABELS, CLASSES, "momentum", options=lambda k: {"metrics": ["accuracy"]})
def residual(k: Any) -> Any:
    x = given = k.Input((6, 6, 2))
    for filters, strides in ((4, 1), (6, 2)):
        straight = k.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        straight = k.layers.BatchNormalization()(straight)
        straight = k.layers.Activation("relu")(straight)
        straight = k.layers.Conv2D(filters, 3, padding="same", use_bias=False)(straight)
        straight = k.layers.BatchNormalization()(straight)
        skipped = k.layers.Conv2D(filters, 1, strides, use_bias=False)(x)
        x = k.layers.ReLU()(k.layers.Add()([straight, skipped]))
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(given, k.layers.Dense(3, "softmax")(x))


@case([data.X, -data.X[::-1]], data.BITS, "binary_crossentropy", "adamw")
def siamese(k: Any) -> Any:
    left, right = k.Input((6,), name="left"), k.Input((6,), name="right")
    shared, deeper = k.layers.Dense(5, "tanh"), k.layers.Dense(4)
    difference = k.layers.Subtract()([deeper(shared(left)), deeper(shared(right))])
    return k.Model([left, right], k.layers.Dense(1, "sigmoid")(difference))


@case(
    [data.X2, data.X],
    [data.Y1, data.Y1],
    ["mse", "mae"],
    "nadam",
    options=lambda k: {"loss_weights": [0.9, 0.1], "metrics": [["mae"], ["mse"]]},
)
def wide_and_deep(k: Any) -> Any:
    wide, deep = k.Input((4,), name="wide"), k.Input((6,), name="deep")
    hidden = k.layers.Dense(5, "relu")(k.layers.Dense(5, "relu")(deep))
    together = k.layers.Concatenate()([wide, hidden])
    main = k.layers.Dense(1, name="main")(together)
    return k.Model([wide, deep], [main, k.layers.Dense(1, name="auxiliary")(hidden)])


@case({"wide": data.X2, "deep": data.X}, data.Y1, "mse", "adam")
def dict_of_inputs(k: Any) -> Any:
    inputs = {"wide": k.Input((4,), name="wide"), "deep": k.Input((6,), name="deep")}
    hidden = k.layers.Dense(4, "tanh")(inputs["deep"])
    return k.Model(inputs, k.layers.Dense(1)(k.layers.Multiply()([inputs["wide"], hidden])))


@case(
    data.X,
    {"number": data.Y1, "kind": data.LABELS},
    {"number": "mse", "kind": CLASSES},
    "adam",
    options=lambda k: {"loss_weights": {"number": 0.5, "kind": 2.0}, "metrics": {"kind": ["acc"]}},
)
def dict_of_outputs(k: Any) -> Any:
    x = k.Input((6,))
    hidden = k.layers.Dense(5, "relu")(x)
    number, kind = k.layers.Dense(1, name="number"), k.layers.Dense(3, "softmax", name="kind")
    return k.Model(x, {"number": number(hidden), "kind": kind(hidden)})


@case([data.X, data.X2], data.Y2, "mse", "adagrad")
def merges(k: Any) -> Any:
    x, y = k.Input((6,)), k.Input((4,))
    parts = [k.layers.Dense(3)(x), k.layers.Dense(3)(y), k.layers.Dense(3)(x)]
    merged = [
        k.layers.Add()(parts),
        k.layers.Subtract()(parts[:2]),
        k.layers.Multiply()(parts),
        k.layers.Average()(parts[1:]),
        k.layers.Maximum()(parts),
        k.layers.Minimum()(parts),
    ]
    return k.Model([x, y], k.layers.Dense(2)(k.layers.Concatenate(axis=1)(merged)))


@case([data.WORDS[:, :1], data.WORDS[:, 1:2]], data.Y1, "mse", "adam")
def factors(k: Any) -> Any:
    user, item = k.Input((1,), dtype="int32"), k.Input((1,), dtype="int32")
    rows = k.layers.Embedding(7, 4)(user), k.layers.Embedding(7, 4)(item)
    flat = [k.layers.Flatten()(row) for row in rows]
    alike = k.layers.Dot(axes=1, normalize=True)(flat)
    return k.Model([user, item], k.layers.Dense(1)(alike))


@case(data.X, data.Y1, "mse", "rmsprop")
def sequential_inside(k: Any) -> Any:
    x = k.Input((6,))
    inner = k.Sequential([k.layers.Dense(6, "relu"), k.layers.BatchNormalization()], name="inner")
    skipped = k.layers.Add()([x, inner(x)])
    return k.Model(x, k.layers.Dense(1)(skipped))


def _two_to_two(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    together = k.layers.Dense(5, "tanh")(k.layers.Concatenate()([a, b]))
    return k.Model([a, b], [k.layers.Dense(3)(together), k.layers.Dense(2)(a)], name="two_to_two")


@case([data.X2, data.X], data.Y1, "mse", "adam")
def functional_inside(k: Any) -> Any:
    x, y = k.Input((4,)), k.Input((6,))
    first, second = _two_to_two(k)([x, k.layers.Dense(4)(y)])
    return k.Model([x, y], k.layers.Dense(1)(k.layers.Concatenate()([first, second])))


@case(data.X2, [data.Y2[:, :1], data.Y2], "mse", "adam")
def functional_as_the_output(k: Any) -> Any:
    x = k.Input((4,))
    first, second = _two_to_two(k)([x, k.layers.Dense(4)(x)])
    return k.Model(x, [k.layers.Dense(1)(first), second])


@case(data.X2, data.Y2, "mse", "momentum")
def functional_as_the_only_output(k: Any) -> Any:
    z = k.Input((3,))
    decoder = k.Model(z, k.layers.Dense(2)(k.layers.Dense(4, "tanh")(z)), name="decoder")
    x = k.Input((4,))
    return k.Model(x, decoder(k.layers.Dense(3)(x)))


@case([data.X2, data.X2[::-1]], data.Y1, "mse", "amsgrad")
def model_called_twice(k: Any) -> Any:
    given = k.Input((4,))
    tower = k.Model(given, k.layers.Dense(3)(k.layers.Dense(5, "tanh")(given)), name="tower")
    left, right = k.Input((4,)), k.Input((4,))
    both = [tower(left), tower(right), tower(k.layers.Average()([left, right]))]
    return k.Model([left, right], k.layers.Dense(1)(k.layers.Concatenate()(both)))


@case(data.IMAGES, data.IMAGES, "mse", "adam")
def autoencoder(k: Any) -> Any:
    image = k.Input((6, 6, 2))
    code = k.layers.Dense(5)(k.layers.Flatten()(k.layers.Conv2D(3, 3, 2, "same")(image)))
    encoder = k.Model(image, code, name="encoder")
    given = k.Input((5,))
    seen = k.layers.Reshape((3, 3, 2))(k.layers.Dense(18, "relu")(given))
    decoder = k.Model(given, k.layers.Conv2DTranspose(2, 2, 2)(seen), name="decoder")
    return k.Model(image, decoder(encoder(image)), name="autoencoder")


@case(data.IMAGES, data.IMAGES[..., :1], "mse", "adam")
def unet(k: Any) -> Any:
    image = k.Input((6, 6, 2))
    top = k.layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    low = k.layers.Conv2D(4, 3, padding="same", activation="relu")(k.layers.MaxPooling2D()(top))
    joined = k.layers.Concatenate()([k.layers.UpSampling2D()(low), top])
    return k.Model(image, k.layers.Conv2D(1, 1, activation="sigmoid")(joined))


@case(data.IMAGES, data.LABELS, CLASSES, "sgd")
def inception(k: Any) -> Any:
    image = k.Input((6, 6, 2))
    branches = [
        k.layers.MaxPooling2D(3, 1, "same")(image),
        k.layers.Conv2D(2, 3, padding="same")(k.layers.Conv2D(3, 1)(image)),
        k.layers.Conv2D(2, 1)(image),
        k.layers.AveragePooling2D(3, 1, "same")(k.layers.Conv2D(2, 5, padding="same")(image)),
    ]
    joined = k.layers.Concatenate()(branches)
    return k.Model(image, k.layers.Dense(3, "softmax")(k.layers.GlobalMaxPooling2D()(joined)))


@case(data.X, data.LABELS, CLASSES, "adam")
def transferred(k: Any) -> Any:
    x = k.Input((6,))
    features = k.layers.BatchNormalization()(k.layers.Dense(5, "relu")(x))
    base = k.Model(x, features, name="base")
    base.trainable = False
    given = k.Input((6,))
    hidden = k.layers.Dropout(NEVER)(base(given, training=False))
    return k.Model(given, k.layers.Dense(3, "softmax")(hidden))


@case(data.X, data.Y1, "mse", "adam")
def shared_at_two_depths(k: Any) -> Any:
    x = k.Input((6,))
    shared, other = k.layers.Dense(6, "tanh"), k.layers.Dense(6)
    once = shared(x)
    twice = shared(other(once))
    return k.Model(x, k.layers.Dense(1)(k.layers.Add()([once, twice, shared(twice)])))


@case(data.X, data.Y1, "mse", "adam")
def three_deep(k: Any) -> Any:
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(3, "tanh"), k.layers.Dense(4)])
    a = k.Input((4,))
    middle = k.Model(a, k.layers.Add()([a, inner(a)]))
    x = k.Input((6,))
    return k.Model(x, k.layers.Dense(1)(middle(k.layers.Dense(4)(x))))


@case(data.X2, [data.X2[:, :3], data.Y1, data.X2[:, :3]], "mse", "adam")
def outputs_on_the_way(k: Any) -> Any:
    x = k.Input((4,))
    early = k.layers.Dense(3, name="early")(x)
    late = k.layers.Dense(1, name="late")(k.layers.Dense(4, "relu")(early))
    return k.Model(x, [early, late, k.layers.Activation("tanh", name="bent")(early)])


@case(data.X, data.Y1, "mse", "adam")
def layer_of_two_outputs(k: Any) -> Any:
    x = k.Input((6,))
    low, high = custom_layers(k).Halves(3)(x)
    both = k.layers.Multiply()([k.layers.Dense(3)(high), low])
    return k.Model(x, k.layers.Dense(1)(both))


@case([data.X, data.X2], data.Y1, "mse", "adam")
def tensors_by_name(k: Any) -> Any:
    x, y = k.Input((6,)), k.Input((4,))
    gated = custom_layers(k).Gated(4)(x, gate=y, power=2)
    return k.Model([x, y], k.layers.Dense(1)(gated))


@case(data.IMAGES, data.LABELS, CLASSES, "adam")
def spectral_graph(k: Any) -> Any:
    image = k.Input((6, 6, 2))
    once = k.layers.SpectralNormalization(k.layers.Conv2D(2, 3, padding="same"))(image)
    seen = k.layers.Concatenate()(
        [image, once, k.layers.SpectralNormalization(k.layers.Conv2D(2, 1))(once)]
    )
    flat = k.layers.Flatten()(k.layers.LeakyReLU()(seen))
    return k.Model(image, k.layers.Dense(3, "softmax")(flat))


@case([data.X, data.X2], data.Y1, "mse", "adam", otherwise="such a model is refused")
def an_input_that_is_not_used(k: Any) -> Any:
    x, unused = k.Input((6,), name="used"), k.Input((4,), name="unused")
    return k.Model([x, unused], k.layers.Dense(1)(k.layers.Dense(4, "relu")(x)))


@case(data.IMAGES, data.Y1, "mse", "sgd")
def augmented_graph(k: Any) -> Any:
    image = k.Input((6, 6, 2))
    turned = k.layers.RandomRotation((0.25, 0.25))(image)
    moved = k.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")(turned)
    dropped = k.layers.Dropout(NEVER)(k.layers.Flatten()(moved))
    return k.Model(image, k.layers.Dense(1)(dropped))
