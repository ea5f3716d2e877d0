"""What published attacks do, a builder each, named by its CVE; and what might come next.

The list is that of the holes found in Keras, TensorFlow and PyTorch until autumn 2026. A builder
that stands under :func:`of` yields the files of one of them.
"""

import base64
import functools
import io
import json
import marshal
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from .case import Case
from .good import (
    CONFIG,
    OBEYED,
    WEIGHTS,
    Good,
    changed_hdf5,
    layer,
    with_config,
    with_weights,
    zipped,
)

CORPUS: list[Case] = []
KERNEL = "layers/dense/vars/0"

Make = Callable[[Good], bytes]
Change = Callable[[Any], Any]


def of(kind: str, suffix: str = ".keras", must: str = "files") -> Callable[..., Any]:
    """Put what a builder yields, pairs of a name and a maker of bytes, into the corpus."""

    def put(builder: Callable[[], Iterator[tuple[str, Make]]]) -> Callable[..., Any]:
        CORPUS.extend(Case(kind, name, suffix, make, must) for name, make in builder())
        return builder

    return put


def in_config(kind: str, must: str = "all") -> Callable[..., Any]:
    """The same for pairs of a name and a change of the config."""

    def put(builder: Callable[[], Iterator[tuple[str, Change]]]) -> Callable[..., Any]:
        for name, change in builder():
            make = _configured(change)
            CORPUS.append(Case(kind, name, ".keras", make, must))
        return builder

    return put


def _configured(change: Change) -> Make:
    return lambda good: with_config(good, change)


def in_weights(kind: str) -> Callable[..., Any]:
    """The same for changes of the HDF5 file: in an archive, and alone."""

    def put(builder: Callable[[], Iterator[tuple[str, Any]]]) -> Callable[..., Any]:
        for name, change in builder():
            CORPUS.append(Case(kind, name, ".keras", _weighted(change)))
            CORPUS.append(Case(kind, name, ".weights.h5", _weights_alone(change)))
        return builder

    return put


def _weighted(change: Any) -> Make:
    return lambda good: with_weights(good, lambda file: change(file, good))


def _weights_alone(change: Any) -> Make:
    return lambda good: changed_hdf5(good.weights, lambda file: change(file, good))


# Places in a config where something is described


def everywhere(described: Any) -> Iterator[tuple[str, Change]]:
    """Yield changes that put a description where each kind of object is expected."""
    for place in ("activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
        yield place, lambda c, place=place: layer(c)["config"].__setitem__(place, described)
    yield "a layer", lambda c: c["config"]["layers"].__setitem__(1, described)
    yield "a layer more", lambda c: c["config"]["layers"].append(described)
    yield "the model", lambda c: described


def compiled(described: Any) -> Iterator[tuple[str, Change]]:
    """Yield changes that put a description where compile() takes one."""
    for place in ("optimizer", "loss"):
        yield place, lambda c, place=place: c["compile_config"].__setitem__(place, described)
    yield "metrics", lambda c: c["compile_config"].__setitem__("metrics", [described])
    yield (
        "learning_rate",
        lambda c: c["compile_config"]["optimizer"]["config"].__setitem__(
            "learning_rate", described
        ),
    )


def named(name: str, changes: Iterator[tuple[str, Change]]) -> Iterator[tuple[str, Change]]:
    for place, change in changes:
        yield f"{name} as {place}", change


# Code in configs


def _bytecode() -> str:
    code = compile(f"open({OBEYED!r}, 'w')", "<file>", "exec")
    return base64.b64encode(marshal.dumps(code)).decode()


LAMBDA = {
    "class_name": "__lambda__",
    "config": {"code": _bytecode(), "defaults": None, "closure": None},
}


def lambda_layer(module: str | None = "keras.layers") -> dict[str, Any]:
    config = {"name": "lambda", "function": LAMBDA, "arguments": {}}
    described = {"class_name": "Lambda", "config": config, "registered_name": None}
    return described if module is None else {"module": module, **described}


def function(module: str, name: str) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def called(package: str | None, class_name: str, /, **config: Any) -> dict[str, Any]:
    return {"module": package, "class_name": class_name, "config": config, "registered_name": None}


@of("CVE-2021-37678 YAML")
def yaml_that_calls() -> Iterator[tuple[str, Make]]:
    text = f"!!python/object/apply:os.system ['touch {OBEYED}']\n".encode()
    yield "a config of YAML", lambda good: zipped({**good.members, CONFIG: text})
    yield (
        "a config.yaml instead",
        lambda good: zipped(
            {"config.yaml" if n == CONFIG else n: text for n in (*good.members, "x")}
        ),
    )


@in_config("CVE-2024-3660 Lambda bytecode")
def lambda_bytecode() -> Iterator[tuple[str, Change]]:
    yield from named("Lambda", everywhere(lambda_layer()))
    yield from named("__lambda__", everywhere(LAMBDA))


@in_config("CVE-2024-3660 Lambda bytecode", must="compiled")
def lambda_compiled() -> Iterator[tuple[str, Change]]:
    yield from named("__lambda__", compiled(LAMBDA))


@of("CVE-2024-55459 archive members that lead out", must="files")
def members_that_lead_out() -> Iterator[tuple[str, Make]]:
    for name in ("../x", OBEYED, "assets/../../x", "..\\x", "C:\\x", "~/x"):
        yield name, lambda good, name=name: zipped({**good.members, name: b"x"})


@in_config("CVE-2025-1550 any module, any function")
def any_function() -> Iterator[tuple[str, Change]]:
    yield from named("os.system", everywhere(function("os", "system")))
    yield from named("builtins.eval", everywhere(function("builtins", "eval")))
    yield from named("Popen", everywhere(called("subprocess", "Popen", args=["id"])))
    yield from named("os.system by dots", everywhere(called(None, "os.system", command="id")))
    yield from named(
        "latih's own files", everywhere(called("latih.files", "write_atomically", path="x"))
    )


@in_config("CVE-2025-1550 any module, any function", must="compiled")
def any_function_compiled() -> Iterator[tuple[str, Change]]:
    yield from named("os.system", compiled(function("os", "system")))
    yield from named("Popen", compiled(called("subprocess", "Popen", args=["id"])))


@in_config("CVE-2025-8747 Keras's own functions")
def own_functions() -> Iterator[tuple[str, Change]]:
    url = "http://127.0.0.1:9/x"
    get_file = called("keras.utils", "get_file", fname="x", origin=url, cache_dir="/tmp")
    yield from named("get_file", everywhere(get_file))
    loader = called("keras.saving", "load_model", filepath="/tmp/x.keras", safe_mode=False)
    yield from named("load_model", everywhere(loader))
    yield from named("load_data", everywhere(function("latih.datasets.fashion_mnist", "load_data")))


@in_config("CVE-2025-9906 a switch thrown from the file")
def a_switch() -> Iterator[tuple[str, Change]]:
    switch = called("keras.config", "enable_unsafe_deserialization")

    def first_the_switch(config: Any) -> None:
        config["config"]["layers"][1:1] = [switch, lambda_layer()]

    yield "the switch, then a Lambda", first_the_switch
    yield "safe_mode in the config", lambda c: c["config"].update(safe_mode=False)
    yield (
        "safe_mode in a Lambda",
        lambda c: c["config"]["layers"].append({**lambda_layer(), "safe_mode": False}),
    )


def legacy(config: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = "2.12.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"first"]
        group["first/first/kernel:0"] = np.zeros((6, 5), "float32")
    return buffer.getvalue()


@of("CVE-2025-9905 a legacy HDF5 model", ".h5")
def legacy_models() -> Iterator[tuple[str, Make]]:
    lambdas = {"class_name": "Sequential", "config": {"layers": [lambda_layer(None)]}}
    yield "with a Lambda", lambda good: legacy(lambdas)
    yield "without one", lambda good: legacy(good.config)


@of("CVE-2025-9905 a legacy HDF5 model")
def legacy_models_by_another_name() -> Iterator[tuple[str, Make]]:
    yield "called .keras", lambda good: legacy(good.config)


@of("CVE-2025-9905 a legacy HDF5 model", ".weights.h5")
def legacy_models_as_weights() -> Iterator[tuple[str, Make]]:
    yield "called .weights.h5", lambda good: legacy(good.config)


class _Obeyed:
    def __reduce__(self) -> Any:
        return (open, (OBEYED, "w"))


PICKLE = base64.b64encode(pickle.dumps(_Obeyed())).decode()


@in_config("CVE-2025-49655 TorchModuleWrapper")
def torch_module_wrapper() -> Iterator[tuple[str, Change]]:
    held = {"class_name": "__bytes__", "value": PICKLE}
    yield from named("it", everywhere(called("keras.layers", "TorchModuleWrapper", module=held)))


@in_config("CVE-2025-12058 a vocabulary that is a path")
def vocabulary_paths() -> Iterator[tuple[str, Change]]:
    for kind in ("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"):
        for path in ("/etc/passwd", "http://127.0.0.1:9/x", "file:///etc/passwd"):
            described = called("keras.layers", kind, vocabulary=path, name="words")
            yield f"{kind} {path}", lambda c, d=described: c["config"]["layers"].append(d)
    described = called("keras.layers", "Normalization", mean="/etc/passwd", variance="/etc/passwd")
    yield "Normalization", lambda c: c["config"]["layers"].append(described)
    for place in ("kernel_initializer", "activation"):
        yield f"{place} a path", lambda c, p=place: layer(c)["config"].update({p: "/etc/passwd"})


def _with_symlink(good: Good, link: str, through: str) -> bytes:
    buffer = io.BytesIO(zipped(good.members))
    with zipfile.ZipFile(buffer, "a") as archive:
        member = zipfile.ZipInfo(link)
        member.create_system, member.external_attr = 3, 0o120777 << 16
        archive.writestr(member, "/tmp")
        archive.writestr(through, "x")
    return buffer.getvalue()


@of("CVE-2025-12060 / 12638 links in archives", must="maybe")
def symlinks_never_unpacked() -> Iterator[tuple[str, Make]]:
    yield "a symlink", lambda good: _with_symlink(good, "assets", "assets/x")
    long = "/".join(["a" * 200] * 20)
    yield "longer than PATH_MAX", lambda good: _with_symlink(good, long, f"{long}/x")


@of("CVE-2026-12482 a link and back")
def symlink_and_back() -> Iterator[tuple[str, Make]]:
    yield "link/../x", lambda good: _with_symlink(good, "link", "link/../x")


@of("CVE-2025-12060 / 12638 links in archives")
def symlink_in_place_of_weights() -> Iterator[tuple[str, Make]]:
    def weights_as_a_link(good: Good) -> bytes:
        members = {n: c for n, c in good.members.items() if n != WEIGHTS}
        return _with_symlink(Good(members, b"", b"", b"", good.outside), WEIGHTS, "assets/x")

    yield "the weights a symlink", weights_as_a_link


# HDF5


def _remade(file: h5py.File, path: str, **arguments: Any) -> None:
    del file[path]
    file.create_dataset(path, **arguments)


def _bomb(file: h5py.File, path: str, **arguments: Any) -> None:
    _remade(file, path, dtype="float32", **arguments)


@in_weights("CVE-2026-0897 / 12570 HDF5 shape bomb")
def shape_bombs() -> Iterator[tuple[str, Any]]:
    yield "petabytes in pieces", lambda f, g: _bomb(f, KERNEL, shape=(2**25,) * 2, chunks=(1, 1024))
    yield "petabytes, never written", lambda f, g: _bomb(f, KERNEL, shape=(2**24, 2**24))
    yield "the right shape, never written", lambda f, g: _bomb(f, KERNEL, shape=(6, 5))
    yield (
        "a piece of 4 GB",
        lambda f, g: _bomb(f, KERNEL, shape=(6, 5), maxshape=(None, None), chunks=(2**15, 2**14)),
    )


@functools.cache
def _zeros_packed(mib: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(mib)) + packer.flush()


def _packed(file: h5py.File, good: Good) -> None:
    """An array whose bytes, unpacked, are far more than its shape."""
    del file[KERNEL]
    made = file.create_dataset(KERNEL, (6, 5), "float32", chunks=(6, 5), compression="gzip")
    made.id.write_direct_chunk((0, 0), _zeros_packed(250))


@in_weights("HDF5 packed arrays")
def packed_arrays() -> Iterator[tuple[str, Any]]:
    yield "250 MB in the place of 120 bytes", _packed
    for packing in ("gzip", "lzf"):
        yield (
            f"{packing} of many",
            lambda f, g, packing=packing: _remade(
                f, KERNEL, data=np.zeros((6, 5), "float32"), chunks=(6, 5), compression=packing
            ),
        )


def _external(file: h5py.File, good: Good, path: str = KERNEL) -> None:
    shape = file[path].shape
    del file[path]
    secret = str(good.outside / "secret.bin")
    file.create_dataset(path, shape, "float32", external=[(secret, 0, 4 * int(np.prod(shape)))])


@in_weights("CVE-2026-1669 HDF5 external storage")
def external_storage() -> Iterator[tuple[str, Any]]:
    yield "a kernel", _external
    yield "a bias", lambda f, g: _external(f, g, "layers/dense/vars/1")
    yield "of a net inside", lambda f, g: _external(f, g, "layers/sequential/layers/dense/vars/0")


def _virtual(file: h5py.File, good: Good) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((6, 5), "float32")
    layout[:] = h5py.VirtualSource(str(good.outside / "secret.h5"), "data", (6, 5), "float32")
    file.create_virtual_dataset(KERNEL, layout)


def _virtual_itself(file: h5py.File, good: Good) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((6, 5), "float32")
    layout[:] = h5py.VirtualSource(".", KERNEL, (6, 5), "float32")
    file.create_virtual_dataset(KERNEL, layout)


@in_weights("CVE-2026-12480 HDF5 virtual dataset")
def virtual_datasets() -> Iterator[tuple[str, Any]]:
    yield "of another file", _virtual
    yield "of itself", _virtual_itself


GROUPS = ("layers", "layers/dense", "layers/dense/vars", KERNEL, "layers/sequential/layers")


def _linked(path: str, link: Callable[[Good], Any]) -> Any:
    def change(file: h5py.File, good: Good) -> None:
        file.move(path, "moved")
        file[path] = link(good)

    return change


@in_weights("CVE-2026-9335 HDF5 links")
def links() -> Iterator[tuple[str, Any]]:
    for path in GROUPS:
        yield f"{path} soft", _linked(path, lambda good: h5py.SoftLink("/moved"))
        yield (
            f"{path} external",
            _linked(
                path,
                lambda good: h5py.ExternalLink(str(good.outside / "secret.h5"), "/group"),
            ),
        )
        yield f"{path} to itself", _linked(path, lambda g, p=path: h5py.SoftLink(f"/{p}"))
    yield "one more, soft", lambda f, g: f.__setitem__("layers/more", h5py.SoftLink("/layers"))
    yield (
        "one more, external",
        lambda f, g: f.__setitem__("more", h5py.ExternalLink("/etc/passwd", "/")),
    )


@of("CVE-2026-9335 HDF5 links", ".keras", must="compiled")
def links_of_the_optimizer() -> Iterator[tuple[str, Make]]:
    for path in ("optimizer", "optimizer/vars", "optimizer/vars/3"):
        for name, link in (
            ("soft", lambda good: h5py.SoftLink("/layers")),
            ("external", lambda good: h5py.ExternalLink(str(good.outside / "secret.h5"), "/group")),
        ):
            yield f"{path} {name}", _weighted(_linked(path, link))


@in_weights("HDF5 groups without end")
def groups_without_end() -> Iterator[tuple[str, Any]]:
    yield "its own child", lambda f, g: f["layers"].__setitem__("layers", f["layers"])
    yield (
        "thousands more",
        lambda f, g: [f.create_group(f"layers/more/{n}") for n in range(2000)],
    )


@in_weights("HDF5 arrays that are not the model's")
def other_arrays() -> Iterator[tuple[str, Any]]:
    yield "missing", lambda f, g: f.__delitem__(KERNEL)
    yield "surplus", lambda f, g: f.__setitem__("layers/dense/vars/2", np.zeros(3, "float32"))
    yield "a surplus layer", lambda f, g: f.__setitem__("layers/other/vars/0", np.zeros(3))
    yield "text", lambda f, g: _remade(f, KERNEL, data=np.full((6, 5), b"x"))
    yield "complex", lambda f, g: _remade(f, KERNEL, data=np.zeros((6, 5), "complex64"))
    yield (
        "objects",
        lambda f, g: _remade(f, KERNEL, shape=(6, 5), dtype=h5py.special_dtype(vlen=bytes)),
    )


# More of code and paths


@in_config("CVE-2026-1462 TFSMLayer")
def second_artifact() -> Iterator[tuple[str, Change]]:
    described = called("keras.layers", "TFSMLayer", filepath="/tmp/saved", name="more")
    yield from named("it", everywhere(described))
    hub = called(None, "KerasLayer", handle="https://127.0.0.1:9/x")
    yield from named("a layer of a hub", everywhere(hub))


@of("CVE-2026-11816 members checked against the working directory")
def members_and_directories() -> Iterator[tuple[str, Make]]:
    for name in ("../../etc/x", "./../x", "tmp/../../x"):
        yield name, lambda good, name=name: zipped({**good.members, name: b"x"})


NAMES = ("../../x", "..", "a/../../x", "..\\..\\x", "/tmp/x", "a\\b", "a/b", "x\x00y", "\x1b[2J")


@in_config("CVE-2026-12479 names that lead out")
def names_that_lead_out() -> Iterator[tuple[str, Change]]:
    for name in NAMES:
        shown = repr(name)
        yield f"a layer {shown}", lambda c, n=name: layer(c)["config"].update(name=n)
        yield f"the model {shown}", lambda c, n=name: c["config"].update(name=n)
        yield f"the input {shown}", lambda c, n=name: layer(c, 0)["config"].update(name=n)
    for name in (3, ["a"], {"a": 1}, True, "a" * 10**6):
        shown = repr(name)[:20]
        yield f"a layer {shown}", lambda c, n=name: layer(c)["config"].update(name=n)


@in_config("CVE-2026-12481 fails open without a scope")
def fails_open() -> Iterator[tuple[str, Change]]:
    yield from named("a Lambda of no module", everywhere(lambda_layer(None)))
    bare = {"class_name": "Lambda", "config": {"function": [_bytecode(), None, None]}}
    yield from named("a Lambda of Keras 2", everywhere(bare))


@in_config("CVE-2026-12484 fails open without a scope")
def fails_open_with_a_module() -> Iterator[tuple[str, Change]]:
    held = {"class_name": "__bytes__", "value": PICKLE}
    bare = {"class_name": "TorchModuleWrapper", "config": {"module": held}}
    yield from named("TorchModuleWrapper of no module", everywhere(bare))


# Sizes of archives


@of("PR 23010 zip bombs")
def zip_bombs() -> Iterator[tuple[str, Make]]:
    deflated = zipfile.ZIP_DEFLATED
    yield (
        "250 MB of config",
        lambda good: zipped({**good.members, CONFIG: b" " * (250 << 20) + b"{}"}, deflated),
    )
    yield (
        "250 MB of weights",
        lambda good: zipped({**good.members, WEIGHTS: bytes(250 << 20)}, deflated),
    )
    yield (
        "weights with 250 MB behind",
        lambda good: zipped({**good.members, WEIGHTS: good.weights + bytes(250 << 20)}, deflated),
    )
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"packed by {method}", lambda good, m=method: zipped(good.members, m)


@of("PR 23101 bombs that are never unpacked", must="maybe")
def asset_bombs() -> Iterator[tuple[str, Make]]:
    bomb = {"assets/vocabulary.txt": bytes(250 << 20)}
    yield "an asset", lambda g: zipped({**g.members, **bomb}, zipfile.ZIP_DEFLATED)


@of("PR 23016 npz")
def npz_members() -> Iterator[tuple[str, Make]]:
    def in_place_of_weights(good: Good) -> bytes:
        members = {n: c for n, c in good.members.items() if n != WEIGHTS}
        return zipped({**members, "model.weights.npz": _npz_of_pickles()})

    yield "instead of HDF5", in_place_of_weights
    yield "as HDF5", lambda good: zipped({**good.members, WEIGHTS: _npz_of_pickles()})


@of("PR 23047 pickled npz", ".weights.h5")
def pickled_npz() -> Iterator[tuple[str, Make]]:
    yield "an npz of objects", lambda good: _npz_of_pickles()
    yield "a pickle", lambda good: pickle.dumps(_Obeyed())
    yield "an archive", lambda good: zipped(good.members)


def _npz_of_pickles() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, data=np.array([_Obeyed()], object))
    return buffer.getvalue()


def _forged(good: Good, offset: int, value: int, size: str = "<I") -> bytes:
    content = bytearray(zipped(good.members))
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(WEIGHTS.encode()))
    struct.pack_into(size, content, entry + offset, value)
    return bytes(content)


@of("zip directories that lie", must="maybe")
def zips_that_lie_of_what_nobody_asks() -> Iterator[tuple[str, Make]]:
    yield "a size of 4 GiB", lambda good: _forged(good, 24, 2**32 - 2)


@of("zip directories that lie")
def lying_zips() -> Iterator[tuple[str, Make]]:
    yield "a size of nothing", lambda good: _forged(good, 24, 0)
    yield "another checksum", lambda good: _forged(good, 16, 12345)
    yield "a place outside", lambda good: _forged(good, 42, 2**31)
    yield "the place of another", lambda good: _forged(good, 42, 0)
    yield "encrypted", lambda good: _forged(good, 8, 1, "<H")
    yield "packed by nobody knows what", lambda good: _forged(good, 10, 77, "<H")
    yield "deflated, which it is not", lambda good: _forged(good, 10, 8, "<H")
    yield (
        "100,000 members",
        lambda good: zipped({**good.members, **{f"assets/{n}": b"" for n in range(100_000)}}),
    )


# Confusion of kinds


@in_config("PR 22729 registered_name confusion")
def registered_names() -> Iterator[tuple[str, Change]]:
    for name in ("Lambda", "os>system", "builtins>eval", "Adam", 3, ["Dense"], {"a": 1}):
        yield f"{name!r}", lambda c, n=name: layer(c).update(registered_name=n, class_name=n)
    for name in ("function", "__lambda__", "__tuple__", "__keras_tensor__", "Adam"):
        yield f"a {name}", lambda c, n=name: layer(c).update(class_name=n)
    yield "a model as a layer of text", lambda c: layer(c, 4).update(config="Dense")


@in_config("PR 22974 inner configs of the wrong type")
def wrong_types() -> Iterator[tuple[str, Change]]:
    for value in (None, 3, "x", [], [1], True, 1.5):
        yield f"config {value!r}", lambda c, v=value: layer(c).update(config=v)
        yield f"layers {value!r}", lambda c, v=value: c["config"].update(layers=[v])
        yield f"the model's config {value!r}", lambda c, v=value: c.update(config=v)
        yield f"inner config {value!r}", lambda c, v=value: layer(c, 4).update(config=v)
    for value in ("x", [1], {"class_name": "Dense"}, {}, 3):
        yield (
            f"activation {value!r}",
            lambda c, v=value: layer(c)["config"].update(activation=v),
        )


# Numbers

WRONG_UNITS = (10**12, 10**30, -1, 0, 2.5, "5", None, [5], True, float("nan"), float("inf"), {})


@in_config("numbers that cannot be")
def wrong_numbers() -> Iterator[tuple[str, Change]]:
    for value in WRONG_UNITS:
        yield f"units {value!r}", lambda c, v=value: layer(c)["config"].update(units=v)
    for value in ([None, 10**13], [None, -6], [None, "6"], 6, [], {"a": 1}):
        yield f"shape {value!r}", lambda c, v=value: layer(c, 0)["config"].update(batch_shape=v)
    for value in (float("nan"), -0.5, 1.5, "x", None, 10**400):
        shown = repr(value)[:20]
        yield f"rate {shown}", lambda c, v=value: layer(c, 3)["config"].update(rate=v)
        yield f"momentum {shown}", lambda c, v=value: layer(c, 2)["config"].update(momentum=v)
    huge = {"class_name": "Reshape", "config": {"target_shape": [10**13]}}
    yield "a shape of terabytes", lambda c: c["config"]["layers"].insert(1, huge)


@in_config("numbers that cannot be", must="files")
def numbers_the_file_cannot_fill() -> Iterator[tuple[str, Change]]:
    for units in (10**6, 2 * 10**6):
        yield f"units {units}", lambda c, u=units: layer(c)["config"].update(units=u)
    axes = [None] + [9] * 60
    yield "an input of 60 axes", lambda c: layer(c, 0)["config"].update(batch_shape=axes)


# JSON


def _nested(depth: int) -> bytes:
    return b'{"config":' * depth + b"1" + b"}" * depth


@of("JSON without bounds", must="files")
def json_without_bounds() -> Iterator[tuple[str, Make]]:
    def of_text(text: bytes) -> Make:
        return lambda good: zipped({**good.members, CONFIG: text}, zipfile.ZIP_DEFLATED)

    yield "nested 300 levels", of_text(_nested(300))
    yield "nested 100,000 levels", of_text(_nested(100_000))
    yield "lists nested 100,000 levels", of_text(b"[" * 100_000)
    yield "five million lists", of_text(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}")
    yield "one name twice", of_text(b'{"class_name": "Dense", "class_name": "Lambda"}')
    yield "a number of a million digits", of_text(b'{"a": ' + b"9" * 10**6 + b"}")
    yield "no UTF-8", of_text(b'{"a": "\xff\xfe"}')
    flatten = b'{"class_name":"Flatten","config":{}},'
    yield (
        "150,000 layers",
        of_text(
            b'{"class_name":"Sequential","config":{"layers":[' + flatten * 150_000 + b'"Flatten"]}}'
        ),
    )
    yield (
        "400,000 layers by name",
        of_text(
            b'{"class_name":"Sequential","config":{"layers":['
            + b'"Flatten",' * 400_000
            + b'"Flatten"]}}'
        ),
    )


@in_config("JSON without bounds", must="compiled")
def compiled_without_bounds() -> Iterator[tuple[str, Change]]:
    yield "400,000 metrics", lambda c: c["compile_config"].update(metrics=["mse"] * 400_000)


@in_config("nets without end", must="files")
def deep_models() -> Iterator[tuple[str, Change]]:
    def deeply(depth: int) -> Change:
        def change(config: Any) -> None:
            inner = layer(config)
            for _ in range(depth):
                inner = {"class_name": "Sequential", "config": {"layers": [inner]}}
            config["config"]["layers"][1] = inner

        return change

    yield "220 nets in each other", deeply(220)


# Optimizers' state


def _scalar(path: str, value: Any) -> Any:
    return lambda good: with_weights(good, lambda f: _remade(f, path, data=np.asarray(value)))


def _scalar_more(path: str) -> Make:
    return lambda good: with_weights(good, lambda f: f.create_dataset(path, data=np.zeros(3)))


@of("the state of an optimizer", must="compiled")
def optimizer_states() -> Iterator[tuple[str, Make]]:
    counts = (-5, 2**40, 2**62, np.nan, np.inf, 2.5, -1.0)
    for value in counts:
        yield f"iterations {value}", _scalar("optimizer/vars/0", value)
    for value in (-1.0, np.nan, np.inf, 1e300):
        yield f"learning rate {value}", _scalar("optimizer/vars/1", np.float64(value))
    yield "iterations a list", _scalar("optimizer/vars/0", np.zeros(3, "int32"))
    yield "iterations text", _scalar("optimizer/vars/0", np.bytes_(b"many"))
    for shape in ((2, 2), (), (10**6,), (5, 6), (6, 5, 1)):
        yield f"a slot of shape {shape}", _scalar("optimizer/vars/2", np.zeros(shape, "float32"))
    for number in (0, 2, 9):
        yield (
            f"without {number}",
            lambda good, n=number: with_weights(
                good, lambda f: f.__delitem__(f"optimizer/vars/{n}")
            ),
        )
    yield (
        "a slot of petabytes",
        lambda good: with_weights(
            good, lambda f: _bomb(f, "optimizer/vars/3", shape=(2**25,) * 2, chunks=(1, 1024))
        ),
    )
    yield "one more", _scalar_more("optimizer/vars/99")
    yield "groups in it", lambda g: with_weights(g, lambda f: f.create_group("optimizer/vars/x"))


# safetensors


def _safetensors(change: Callable[[dict[str, Any]], Any], behind: bytes = b"") -> Make:
    def make(good: Good) -> bytes:
        length = int.from_bytes(good.safetensors[:8], "little")
        header = json.loads(good.safetensors[8 : 8 + length])
        changed = change(header)
        text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + good.safetensors[8 + length :] + behind

    return make


@of("safetensors headers that lie", ".safetensors")
def safetensors_headers() -> Iterator[tuple[str, Make]]:
    kernel, bias = "dense/kernel", "dense/bias"

    def entry(**values: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda h: h[kernel].update(values)

    yield "another type", _safetensors(entry(dtype="F64"))
    yield "a type nobody knows", _safetensors(entry(dtype="PICKLE"))
    yield "a type that is none", _safetensors(entry(dtype=3))
    yield "booleans", _safetensors(entry(dtype="BOOL"))
    for shape in ([2**40, 2**40], [-6, -5], [True, 30], ["6", 5], 30, [30.0], [0, 10**18], [5, 6]):
        yield f"shape {shape}", _safetensors(entry(shape=shape))
    for offsets in ([0, 2**62], [-120, 0], [0, 120], [120, 0], [0], "all", [0, 240], [10**9] * 2):
        yield f"offsets {offsets}", _safetensors(entry(data_offsets=offsets))
    yield "no offsets", _safetensors(lambda h: h[kernel].pop("data_offsets"))
    yield "an entry of text", _safetensors(lambda h: h.__setitem__(kernel, "x"))
    yield "one array twice", _safetensors(lambda h: h.__setitem__("more", h[kernel]))
    yield "overlapping", _safetensors(lambda h: h[bias].update(data_offsets=[0, 20]))
    yield "missing", _safetensors(lambda h: h.pop(kernel))
    yield "another name", _safetensors(lambda h: h.__setitem__("../x", h.pop(kernel)))
    yield "bytes behind", _safetensors(lambda h: None, bytes(100))
    yield "metadata of numbers", _safetensors(lambda h: h.__setitem__("__metadata__", {"a": 1}))
    yield "deep", _safetensors(lambda h: _nested(100_000))
    yield "a list", _safetensors(lambda h: b"[]")
    yield "no JSON", _safetensors(lambda h: b"{" * 50)
    for length in (0, 2**63, 2**31, 7):
        yield (
            f"a header of {length} bytes",
            lambda good, n=length: struct.pack("<Q", n) + good.safetensors[8:],
        )
    yield "empty", lambda good: b""
    yield "a pickle", lambda good: pickle.dumps(_Obeyed())


# Files of PyTorch


def _torch_file(program: bytes | None, good: Good, method: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(io.BytesIO(good.pt)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in members if n.endswith("data.pkl"))
    return zipped({**members, name: members[name] if program is None else program}, method)


def _twice(good: Good, second: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(good.pt)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    folder = next(iter(members)).split("/")[0]
    return zipped({**members, second.format(folder): pickle.dumps(_Obeyed(), 2)})


def _old_torch_file(program: bytes) -> bytes:
    """Return a file of the form before PyTorch 1.6 with a program in the objects' place."""
    begin = [pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {})]
    return b"".join((*begin, program, pickle.dumps(["0"], 2)))


def _old_tensor(numbers: bytes, size: bytes = b"N") -> bytes:
    """Return the program of one tensor; the steps that tell its numbers and what follows, given."""
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    )
    rest = b"K\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + numbers + size + b"tQ" + rest
    return b"\x80\x02}X\x01\x00\x00\x00a" + tensor + b"s."


@of("CVE-2025-32434 pickles of PyTorch before 1.6", ".pt")
def old_pickles() -> Iterator[tuple[str, Make]]:
    for protocol in (0, 2, 4):
        program = pickle.dumps(_Obeyed(), protocol)
        yield f"in the file, {protocol}", lambda good, p=program: _old_torch_file(p)
    much = b"\x8a\x06\x00\x00\x00\x00\x00\x10"  # 2**44
    yield "70 TB", lambda good: _old_torch_file(_old_tensor(much))
    yield (
        "a size elsewhere",
        lambda good: _old_torch_file(_old_tensor(much, b"K\x01")),
    )
    yield "cut", lambda good: _old_torch_file(b"\x80\x02")[:40]
    text = b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"
    yield "endless text", lambda good: _old_torch_file(b"\x80\x04" + text)


@of("CVE-2025-32434 / 23298 pickles of PyTorch", ".pt")
def pickles() -> Iterator[tuple[str, Make]]:
    for protocol in (0, 2, 4):
        program = pickle.dumps(_Obeyed(), protocol)
        yield f"in the zip, {protocol}", lambda good, p=program: _torch_file(p, good)
        yield f"alone, {protocol}", lambda good, p=program: p
    many = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R."
    yield "68 GB of nothing", lambda good: _torch_file(many, good)
    yield "a number", lambda good: _torch_file(pickle.dumps(3, 2), good)
    yield "a list", lambda good: _torch_file(pickle.dumps([1], 2), good)
    yield "a mapping of text", lambda good: _torch_file(pickle.dumps({"a": "b"}, 2), good)
    yield "nothing", lambda good: _torch_file(b"", good)
    yield "cut", lambda good: _torch_file(b"\x80\x02", good)
    yield "a million lists", lambda good: _torch_file(b"\x80\x02" + b"]" * 10**6 + b".", good)
    yield "packed", lambda good: _torch_file(None, good, zipfile.ZIP_DEFLATED)
    yield "a second program", lambda good: _twice(good, "other/data.pkl")
    yield "a second program in capitals", lambda good: _twice(good, "{}/DATA.PKL")
    yield "a model of Keras", lambda good: zipped(good.members)
