"""Modules of PyTorch as models: the same numbers as PyTorch, in Keras's language."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latih
from latih.errors import FileFormatError, InputError

IMAGES = (12, 10, 3)


class Net(nn.Module):
    """A small network with weights of its own, batch normalisation and a block within."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.block = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6))
        self.scale = nn.Parameter(torch.ones(6))
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(F.relu(self.norm(self.stem(x))))
        return self.head(x.mean((2, 3)) * self.scale)


class Named(nn.Module):
    """What Hugging Face's modules do: named arguments, whole numbers, and a dict of outputs."""

    def __init__(self, gives: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.words, self.gives = nn.Embedding(20, 4), gives

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        x = self.words(input_ids)
        if attention_mask is not None:
            x = x * attention_mask[..., None]
        return self.gives(x.sum(1))


def net(seed: int = 0) -> Net:
    torch.manual_seed(seed)
    return Net()


def data(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, *IMAGES, generator=generator)
    return x, torch.randint(0, 3, (n,), generator=generator)


def compiled(model: Any, rate: float = 0.1, **way: Any) -> Any:
    loss = latih.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(latih.optimizers.SGD(rate), loss, metrics=["accuracy"], **way)
    return model


@pytest.mark.parametrize("way", [{"run_eagerly": True}, {"jit_compile": "auto"}])
def test_it_trains_as_a_loop_in_pytorch_does(way: dict[str, Any]) -> None:
    x, y = data()
    module, model = net(), compiled(latih.from_torch(net(), IMAGES), **way)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(module.train()(x.permute(0, 3, 1, 2)), y).backward()
        optimizer.step()
    history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    for name, wanted in module.state_dict().items():
        found = model.module.state_dict()[name]
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, msg=name)
    wanted = module.eval()(x.permute(0, 3, 1, 2)).detach()
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-3, atol=1e-4)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(F.cross_entropy(wanted, y).item(), rel=1e-3)
    assert accuracy == pytest.approx((wanted.argmax(1) == y).float().mean().item())
    assert len(history.history["loss"]) == 3


def test_its_layers_are_its_modules_and_the_summary_tells_them() -> None:
    model = latih.from_torch(net(), IMAGES, name="mine")
    assert [layer.name for layer in model.layers] == ["Net", "stem", "norm", "block", "head"]
    assert [layer.name for layer in model.get_layer("block").layers] == ["0", "1", "2"]
    told: list[str] = []
    model.summary(print_fn=told.append, expand_nested=True, show_trainable=True, line_length=90)
    assert "stem (Conv2d)" in told[0] and "head (Linear)" in told[0] and "0 (Conv2d)" in told[0]
    own = sum(parameter.numel() for parameter in net().parameters())
    assert f"Trainable params: {own:,}" in told[0]
    assert sum(weight.numel() for weight in model.trainable_weights) == own


def test_what_is_frozen_stays_to_the_bit_with_its_statistics() -> None:
    x, y = data()
    model = latih.from_torch(net(), IMAGES)
    for name in ("stem", "norm", "block"):
        model.get_layer(name).trainable = False
    compiled(model)
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    model.fit(x, y, epochs=2, verbose=0)
    after = model.module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"scale", "head.weight", "head.bias"}
    model.get_layer("norm").trainable = True
    compiled(model)
    model.fit(x, y, epochs=1, verbose=0)
    after = model.module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"norm.weight", "norm.running_mean", "norm.num_batches_tracked"} <= changed
    assert not any(name.startswith(("stem", "block")) for name in changed)


def test_as_a_part_of_a_model_it_freezes_with_it() -> None:
    x, y = data()
    base = latih.from_torch(net(), IMAGES)
    inputs = latih.Input(IMAGES)
    model = latih.Model(inputs, latih.layers.Dense(3)(base(inputs)))
    base.trainable = False
    before = {name: tensor.clone() for name, tensor in base.module.state_dict().items()}
    compiled(model).fit(x, y, verbose=0)
    assert all(torch.equal(before[n], t) for n, t in base.module.state_dict().items())
    assert len(model.trainable_weights) == 2
    model.trainable = True
    assert all(parameter.requires_grad for parameter in base.module.parameters())
    model.trainable = False
    assert not any(parameter.requires_grad for parameter in base.module.parameters())


def test_it_starts_in_inference_mode_and_training_is_asked_for() -> None:
    x, _ = data()
    module = net().train()
    model = latih.from_torch(module, IMAGES)
    wanted = net().eval()(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(model(x), wanted)
    wanted = net().train()(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(model(x, training=True), wanted)
    torch.testing.assert_close(model.module.norm.running_mean, module.norm.running_mean)
    assert not module.training and module.norm.num_batches_tracked == 1


def test_a_module_that_came_frozen_stays_so() -> None:
    module = net()
    module.stem.requires_grad_(False)
    model = latih.from_torch(module, IMAGES)
    assert not model.get_layer("stem").trainable and model.get_layer("head").trainable
    assert id(module.stem.weight) not in {id(weight) for weight in model.trainable_weights}


def test_weights_go_to_files_and_back(tmp_path: Path) -> None:
    x, y = data()
    model = compiled(latih.from_torch(net(), IMAGES))
    model.fit(x, y, verbose=0)
    wanted = model.predict(x, verbose=0)
    for file in ("w.weights.h5", "w.safetensors"):
        model.save_weights(tmp_path / file)
        other = latih.from_torch(net(seed=5), IMAGES)
        other.load_weights(tmp_path / file)
        np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)
    fresh = latih.from_torch(net(seed=5), IMAGES)
    fresh.set_weights(model.get_weights())
    np.testing.assert_array_equal(fresh.predict(x, verbose=0), wanted)


def test_a_saved_model_holds_no_code_and_takes_the_users_module(tmp_path: Path) -> None:
    x, y = data()
    model = compiled(latih.from_torch(net(), IMAGES))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "net.keras")
    with pytest.raises(FileFormatError, match=r"custom_objects=\{'Net': module\}"):
        latih.models.load_model(tmp_path / "net.keras")
    for given in (net(seed=4), Net):
        again = latih.models.load_model(tmp_path / "net.keras", custom_objects={"Net": given})
        np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    again.fit(x, y, verbose=0)  # compiled, as it was
    with pytest.raises(InputError, match="Linear cannot take zeros"):
        latih.models.load_model(tmp_path / "net.keras", custom_objects={"Net": nn.Linear(2, 3)})


def test_what_is_frozen_comes_back_frozen(tmp_path: Path) -> None:
    x, y = data()
    model = latih.from_torch(net(), IMAGES)
    model.get_layer("stem").trainable = False
    model.get_layer("block").layers[2].trainable = False
    model.compile("adam", latih.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "net.keras")
    again = latih.models.load_model(tmp_path / "net.keras", custom_objects={"Net": Net})
    clone = latih.models.clone_model(model)
    for other in (again, clone):
        told = [(path, part.trainable) for path, part in other._located_parts()]
        assert told == [(path, part.trainable) for path, part in model._located_parts()]
        assert dict(told)["block/2"] is False and dict(told)["block/0"] is True
        assert len(other.trainable_weights) == len(model.trainable_weights)
    for one in (model, again):  # with the optimizer's state
        one.fit(x, y, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_a_run_that_was_cut_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    x, y = data()

    def run(directory: Path, epochs: int) -> Any:
        latih.utils.set_random_seed(3)
        model = compiled(latih.from_torch(net(), IMAGES))
        model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, run_dir=directory)
        return model

    whole = run(tmp_path / "whole", 4)
    run(tmp_path / "cut", 2)
    gone_on = run(tmp_path / "cut", 4)
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(tensor, gone_on.module.state_dict()[name]), name
    assert (tmp_path / "whole" / "final.keras").is_file()
    assert (tmp_path / "whole" / "best.keras").is_file()


def test_the_doctor_looks_into_it() -> None:
    x, y = data(32)
    model = compiled(latih.from_torch(net(), IMAGES), rate=1e4)
    history = model.fit(x, y, epochs=2, verbose=0, doctor="watch")
    assert history.diagnosis.findings


def test_the_doctor_knows_its_layers() -> None:
    from latih.doctor.anatomy import layers_of

    model = latih.from_torch(net(), IMAGES)
    kinds = [layer.kind for layer in layers_of(model)]
    assert kinds.count("Conv2d") == 2 and "Linear" in kinds and "BatchNorm2d" in kinds


def test_images_may_come_with_the_channels_first_or_last() -> None:
    x, _ = data(2)
    module = nn.Conv2d(3, 5, 3)
    first = latih.from_torch(module, (3, 12, 10), data_format="channels_first")
    last = latih.from_torch(module, IMAGES)
    assert first.output_shape == (None, 5, 10, 8) and last.output_shape == (None, 10, 8, 5)
    wanted = module(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(first(x.permute(0, 3, 1, 2)), wanted)
    torch.testing.assert_close(last(x), wanted.permute(0, 2, 3, 1))
    bytes_ = torch.randint(0, 256, (2, *IMAGES), dtype=torch.uint8)
    torch.testing.assert_close(last(bytes_), last(bytes_.float()))


def test_sequences_and_tables_are_not_turned() -> None:
    module = nn.GRU(4, 6, batch_first=True)
    model = latih.from_torch(module, (7, 4), output=0)
    x = torch.randn(2, 7, 4)
    torch.testing.assert_close(model(x), module(x)[0])


@pytest.mark.parametrize(
    ("gives", "output", "shape"),
    [
        (lambda x: {"logits": x, "hidden": x[:, :2]}, None, (None, 4)),
        (lambda x: {"hidden": x[:, :2]}, None, (None, 2)),
        (lambda x: OrderedDict(a=x, b=x[:, :2]), "b", (None, 2)),
        (lambda x: (x, x[:, :3]), 1, (None, 3)),
        (lambda x: (x, x[:, :3]), None, [(None, 4), (None, 3)]),
    ],
)
def test_the_output_is_the_one_that_is_asked_for(gives: Any, output: Any, shape: Any) -> None:
    model = latih.from_torch(Named(gives), (5,), output=output, input_dtype="int64")
    found = model.output_shape
    assert (
        list(found)
        if isinstance(found, list | tuple) and found and isinstance(found[0], tuple)
        else found
    ) == shape


def test_named_arguments_are_a_dict_of_inputs() -> None:
    module = Named(lambda x: {"logits": x})
    shapes = {"input_ids": (5,), "attention_mask": (5,)}
    model = latih.from_torch(module, shapes, input_dtype="int64")
    x = {"input_ids": np.arange(10).reshape(2, 5), "attention_mask": np.ones((2, 5), np.int64)}
    wanted = module(**{name: torch.from_numpy(part) for name, part in x.items()})["logits"]
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted.detach(), rtol=1e-6)
    compiled(model).fit(x, np.array([0, 3]), verbose=0)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: latih.from_torch(Net, IMAGES), "Make one: Net"),
        (lambda: latih.from_torch(latih.layers.Dense(1), (2,)), "no layer of Latih"),
        (lambda: latih.from_torch(Net(), (3, 12, 10)), "cannot take zeros"),
        (lambda: latih.from_torch(Net(), (12, 10)), "cannot take zeros"),
        (lambda: latih.from_torch(Net(), IMAGES, data_format="NCHW"), "data_format"),
        (lambda: latih.from_torch(Net(), IMAGES, input_dtype="int65"), "input_dtype"),
        (lambda: latih.from_torch(Named(lambda x: {"a": x, "b": x}), (5,), input_dtype="int64"),
         "'a', 'b'"),
        (lambda: latih.from_torch(Named(lambda x: {"hidden": x}), (5,), output="hiden",
                                  input_dtype="int64"), "Did you mean 'hidden'"),
        (lambda: latih.from_torch(Named(lambda x: "words"), (5,), input_dtype="int64"), "output"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_model_is_refused(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()


def test_inputs_of_another_shape_are_refused() -> None:
    model = latih.from_torch(net(), IMAGES)
    with pytest.raises(InputError, match=r"expected examples of shape \(n, 12, 10, 3\)"):
        model.predict(np.zeros((2, 12, 10, 1)), verbose=0)
    with pytest.raises(InputError, match=r"expected shape \(None, 12, 10, 3\)"):
        model(torch.zeros(2, 12, 10, 1))


def test_a_module_that_is_used_twice_has_its_weights_once(tmp_path: Path) -> None:
    shared = nn.Linear(4, 4)
    model = latih.from_torch(nn.Sequential(shared, nn.ReLU(), shared), (4,))
    assert model.count_params() == 20
    model.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")


def test_a_clone_has_a_module_of_its_own() -> None:
    model = latih.from_torch(net(), IMAGES)
    clone = latih.models.clone_model(model)
    assert clone.module is not model.module and clone.count_params() == model.count_params()


def test_half_precision_mixes_as_pytorch_does() -> None:
    x, y = data()
    latih.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = compiled(latih.from_torch(net(), IMAGES))
        model.fit(x, y, epochs=1, verbose=0)
    finally:
        latih.config.set_dtype_policy("float32")
    assert all(parameter.dtype is torch.float32 for parameter in model.module.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        wanted = model.module.eval()(x.permute(0, 3, 1, 2))
    found = model(x)
    torch.testing.assert_close(found.float(), wanted.float(), rtol=0.05, atol=0.05)


def test_modules_that_wait_for_their_shape_get_it() -> None:
    module = nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)
    )
    model = latih.applications.from_torch(module, (6, 6, 3))
    assert model.output_shape == (None, 2)
    assert model.count_params() == (27 + 1) * 4 + 4 * 4 + (64 + 1) * 2
    assert torch.equal(module[1].running_mean, torch.zeros(4))  # type: ignore[arg-type]


def test_a_copy_keeps_a_bias_frozen_beside_a_kernel_that_learns() -> None:
    module = nn.Sequential(nn.Linear(3, 2))
    module[0].bias.requires_grad_(False)
    copied: Any = latih.models.clone_model(latih.applications.from_torch(module, (3,)))
    assert [weight.requires_grad for weight in copied.module.parameters()] == [True, False]
