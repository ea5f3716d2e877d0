"""Wide and deep: two inputs, two outputs, each known by its name in every argument.

The wide way takes simple features straight to the output and learns the simple rules; the deep way
goes through hidden layers and learns the rest (Cheng et al. 2016, "Wide & Deep Learning for
Recommender Systems"). An auxiliary output makes the deep way useful on its own.

The prices are made by a formula: eight measurements of a district, of which the wide way sees the
first five and the deep way the last six.
"""

import numpy as np

import latih as keras
from latih.layers import Concatenate, Dense, Normalization

keras.utils.set_random_seed(42)


def districts(count, seed):
    """Measurements on scales of their own, and prices: a simple part, a tangled one, some noise."""
    random = np.random.default_rng(seed)
    standard = random.normal(size=(count, 8))
    simple = standard[:, :5] @ [1.0, -0.5, 0.3, 0.2, -0.2]
    tangled = np.sin(2 * standard[:, 5]) * standard[:, 6] + np.abs(standard[:, 7])
    prices = simple + tangled + 0.1 * random.normal(size=count)
    measured = standard * [1, 10, 100, 5, 2, 1, 50, 3] + [3, 30, 1000, 5, 1, 35, -119, 2]
    return measured.astype("float32"), prices.astype("float32")


def named(x, y):
    """The same as dicts: two views of the measurements, and the price for both outputs."""
    return {"wide": x[:, :5], "deep": x[:, 2:]}, {"price": y, "deep_price": y}


(x_train, y_train), (x_test, y_test) = (
    named(*districts(count, seed)) for count, seed in [(4000, 1), (1000, 2)]
)

wide, deep = keras.Input((5,), name="wide"), keras.Input((6,), name="deep")
normalise_wide, normalise_deep = Normalization(), Normalization()
normalise_wide.adapt(x_train["wide"])
normalise_deep.adapt(x_train["deep"])
hidden = normalise_deep(deep)
for units in (64, 64):
    hidden = Dense(units, activation="relu", kernel_initializer="he_normal")(hidden)
price = Dense(1, name="price")(Concatenate()([normalise_wide(wide), hidden]))
deep_price = Dense(1, name="deep_price")(hidden)
model = keras.Model(
    inputs={"wide": wide, "deep": deep}, outputs={"price": price, "deep_price": deep_price}
)

model.compile(
    optimizer=keras.optimizers.Adam(0.003),
    loss={"price": "mse", "deep_price": "huber"},
    loss_weights={"price": 0.9, "deep_price": 0.1},
    metrics={"price": ["mae"], "deep_price": ["mae"]},
)
model.fit(x_train, y_train, epochs=15, validation_split=0.1, verbose=2)

scores = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
spread = float(y_test["price"].std())
print(f"prices have a spread of {spread:.2f}")
print(f"both ways miss them by {scores['price_mae']:.2f}")
print(f"the deep way alone misses them by {scores['deep_price_mae']:.2f}: it does not see it all")
