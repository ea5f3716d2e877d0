"""How a name finds its object in a closed table, and how an object becomes data and back.

Each family (layers, losses, ...) holds its own table, written by hand where the family stands. What
a file or a string argument names is looked up there and nowhere else: nothing is imported by name.
The only ways to more are the user's own: :func:`register_keras_serializable` and
:class:`CustomObjectScope`.
"""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, Self, TypeVar

from latih.dtype_policies.dtype_policy import set_dtype_policy
from latih.errors import (
    FileFormatError,
    InputError,
    LatihError,
    UnknownNameError,
    near_matches,
)

T = TypeVar("T")

_registered: dict[str, Any] = {}
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("custom objects", default=None)
_names: Counter[str] = Counter()
_tables: list["Table[Any]"] = []
_written_by_name: set[Any] = set()


def to_snake_case(name: str) -> str:
    """Turn a class's name into Keras's form for layers and losses.

    Example:
        >>> to_snake_case("BatchNormalization"), to_snake_case("LeakyReLU")
        ('batch_normalization', 'leaky_re_lu')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(class_name: str) -> str:
    """Return ``dense``, ``dense_1``, ...: the next free name for an object of this class."""
    prefix = to_snake_case(class_name)
    count = _names[prefix]
    _names[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def clear_session(free_memory: bool = True) -> None:
    """Start naming from the beginning again, and with the policy of types, as in a new process.

    Args:
        free_memory: taken for Keras's sake; Python frees what nobody holds by itself.
    """
    del free_memory
    _names.clear()
    set_dtype_policy("float32")


class Configured:
    """Something that can say, as plain data, with which arguments it was made.

    The arguments are read off the constructor's signature, and each is kept under its own name; so
    a class written by a user needs no code of its own to be saved, unless an attribute is called
    otherwise than its argument.
    """

    keras_module: ClassVar[str] = "keras"
    """The module under which Keras knows the class; it goes into files."""

    neutral_config: ClassVar[Mapping[str, Any]] = {}
    """Arguments that Keras writes and Latih does not have, with the value that means nothing."""

    not_described: ClassVar[frozenset[str]] = frozenset()
    """Arguments that :meth:`get_config` leaves to the class."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        config: dict[str, Any] = {}
        for name in constructor_arguments(type(self)):
            if name in self.not_described:
                continue
            if not hasattr(self, name):
                raise InputError(
                    f"{type(self).__name__} cannot be described as data",
                    expected=f"its argument `{name}` kept as the attribute `self.{name}`",
                    got="no such attribute",
                    fix="Keep it, or define get_config().",
                )
            config[name] = serialize(getattr(self, name))
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shape that weights were made for, or None where there are none."""
        return None

    def keras_identity(self) -> dict[str, Any]:
        """Return what Keras's files call the class."""
        registered = _registered_name(type(self))
        module = type(self).__module__ if registered else self.keras_module
        if registered is None and module.startswith("latih"):
            # What Keras does not have it looks up under this name among what its user registered.
            registered = f"latih>{type(self).__name__}"
        return {
            "module": module,
            "class_name": type(self).__name__,
            "registered_name": registered,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the object again from :meth:`get_config`'s data."""
        return cls(**cls._without_neutral(config))

    @classmethod
    def _without_neutral(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        known = set(constructor_arguments(cls))
        kept: dict[str, Any] = {}
        for name, value in config.items():
            if name in known or name not in cls.neutral_config:
                kept[name] = value
            elif value != cls.neutral_config[name]:
                raise FileFormatError(
                    f"{cls.__name__} is asked for `{name}`, which Latih does not have",
                    expected=f"{name}={cls.neutral_config[name]!r}",
                    got=f"{name}={value!r}",
                    fix="Save the model without it.",
                )
        return kept


def constructor_arguments(cls: type) -> list[str]:
    """Return the names of a constructor's arguments, those of the base that take ``**kwargs`` too.

    Example:
        >>> class Base:
        ...     def __init__(self, name=None): ...
        >>> class Derived(Base):
        ...     def __init__(self, rate, **kwargs): ...
        >>> constructor_arguments(Derived)
        ['name', 'rate']
    """
    names: list[str] = []
    for owner in cls.__mro__:
        if "__init__" not in vars(owner):
            continue
        # The first is the object itself, whatever its author calls it.
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        own = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        names = [n for n in own if n not in names] + names
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


def serialize(value: Any) -> Any:
    """Turn an object into data: numbers and strings as they are, a configured object as Keras does.

    Args:
        value: a number, string, list, mapping, function of a table, or :class:`Configured` object.

    Returns:
        Data that JSON can hold; an object becomes ``{module, class_name, config,
        registered_name}``, a function the same with its name as the config, an activation's
        function its bare name.

    Raises:
        InputError: there is no way to write it, as with a lambda.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Configured):
        return _described(value)
    if isinstance(value, Mapping):
        return {str(k): serialize(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [serialize(v) for v in value]
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    name = getattr(value, "__name__", None)
    if callable(value) and name and name != "<lambda>":
        known = _registered_name(value) or name
        return known if value in _written_by_name else described_function(known)
    raise InputError(
        f"{value!r} cannot be written to a file",
        expected="a name, a number, or an object with get_config()",
        got=type(value).__name__,
        fix="Give it a name and register it with latih.utils.register_keras_serializable().",
    )


def described_function(name: str) -> dict[str, Any]:
    """Return how Keras's files write a function of this name."""
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def write_by_name(functions: Iterable[Callable[..., Any]]) -> None:
    """Let files hold the bare names of these functions, as Keras writes its activations."""
    _written_by_name.update(functions)


def _described(value: Configured) -> dict[str, Any]:
    described = {**value.keras_identity(), "config": value.get_config()}
    build_config = value.get_build_config()
    if build_config is not None:
        described["build_config"] = build_config
    return described


def require_float32(dtype: Any, owner: str) -> None:
    """Refuse any float type but float32, the one there is in this release.

    Args:
        dtype: None, a name, a policy, or Keras's description of one.
        owner: who was given it, for the error's sentence.

    Raises:
        InputError: it is another type.
    """
    described = dtype.get("config", {}) if isinstance(dtype, Mapping) else None
    name = getattr(dtype, "name", dtype) if described is None else described.get("name")
    if name not in (None, "float32"):
        raise InputError(
            f"`dtype` of {owner} is not to be had",
            expected="float32, the only one in this release",
            got=repr(name),
            fix="Leave it out.",
        )


class Table(Generic[T]):
    """A closed table of one family: names on one side, classes or functions on the other.

    Args:
        kind: what an entry is called in an error's sentence, such as ``"optimizer"``.
        base: the class that entries are instances or subclasses of; ``object`` for functions.
        classes: the family's classes; each is found by its name and by its name in snake case.
        functions: the family's functions; each is found by its name.
        aliases: further names.

    Example:
        >>> table = Table("number", int, classes=[int], aliases={"whole": int})
        >>> table.find("whole")
        <class 'int'>
        >>> table.find("wohle")
        Traceback (most recent call last):
        ...
        latih.errors.UnknownNameError: unknown number 'wohle'. Did you mean 'whole'?
    """

    def __init__(
        self,
        kind: str,
        base: type[T],
        *,
        classes: Iterable[type[T]] = (),
        functions: Iterable[Callable[..., Any]] = (),
        aliases: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.base = base
        self.classes = tuple(classes)
        self.functions = tuple(functions)
        self._entries: dict[str, Any] = dict(aliases or {})
        for function in self.functions:
            self._entries[function.__name__] = function
        for cls in self.classes:
            self._entries[cls.__name__] = cls
            self._entries.setdefault(to_snake_case(cls.__name__), cls)
        self._lowered = {name.lower(): entry for name, entry in self._entries.items()}
        _tables.append(self)

    def include(self, *classes: type[T], aliases: Mapping[str, Any] | None = None) -> None:
        """Let names mean classes of a room above, too: a model is a layer, and may be part of one.

        Args:
            classes: the classes; each is found by its name.
            aliases: further names.
        """
        added = {**{cls.__name__: cls for cls in classes}, **(aliases or {})}
        self._entries.update(added)
        self._lowered.update({name.lower(): entry for name, entry in added.items()})

    def find(self, name: str) -> Any:
        """Return the class or function called ``name``.

        Raises:
            UnknownNameError: there is none; the sentence names those that look like it.
        """
        for objects in (_scope.get() or {}, _registered):
            if name in objects:
                return objects[name]
        entry = self._entries.get(name, self._lowered.get(name.lower()))
        if entry is None:
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}", fix=near_matches(name, self._entries)
            )
        return entry

    def holds(self, name: Any) -> bool:
        """Say whether there is a class or function of this very name in the table."""
        return isinstance(name, str) and name in self._entries

    def get(self, identifier: Any) -> Any:
        """Return the object that ``identifier`` means.

        Args:
            identifier: None, a name, a class, data of :func:`serialize`, an object, a function.

        Returns:
            None for None; a new object for a name, a class or data; anything callable as it is.

        Raises:
            UnknownNameError: the name is in no table.
            InputError: it is none of these.
        """
        if identifier is None or (self.base is not object and isinstance(identifier, self.base)):
            return identifier
        if isinstance(identifier, str):
            entry = self.find(identifier)
            if not isinstance(entry, type):
                return entry
            self._require_kind(identifier, entry)
            return entry()
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        if isinstance(identifier, type):
            return identifier()
        if callable(identifier) and self._takes_functions():
            return identifier
        raise InputError(
            f"cannot make {self.kind} of {identifier!r}",
            expected=f"a name, a {self.kind} or a function",
            got=type(identifier).__name__,
            fix=near_matches("", self._entries),
        )

    def _takes_functions(self) -> bool:
        # A plain function can stand for an object that is only ever called.
        return self.base is object or any("__call__" in vars(owner) for owner in self.base.__mro__)

    def deserialize(self, data: Any) -> Any:
        """Make the object that :func:`serialize` described; a bare string is a name."""
        if not isinstance(data, Mapping):
            return self.get(data)
        name = data.get("registered_name") or data.get("class_name")
        config = data.get("config")
        if not isinstance(name, str):
            raise FileFormatError(
                f"the description of {self.kind} cannot be read",
                expected="a class_name",
                got=repr(name),
            )
        if data.get("class_name") == "function" and isinstance(config, str):
            return self.find(config)
        entry = self._find_described(name, data)
        if not isinstance(entry, type):
            return entry
        self._require_kind(name, entry)
        if not isinstance(config, Mapping):
            raise FileFormatError(
                f"the description of {self.kind} {name!r} cannot be read",
                expected="a config with the constructor's arguments",
                got=type(config).__name__,
            )
        with reading(f"the description of {self.kind} {name!r}"):
            return entry.from_config(config)  # type: ignore[attr-defined]

    def _require_kind(self, name: str, entry: type) -> None:
        # What the user registered is found in every table, and may be of any kind.
        if not issubclass(entry, self.base):
            raise FileFormatError(
                f"{name!r} is not of the kind that is asked for",
                expected=f"a {self.kind}",
                got=entry.__name__,
            )

    def _find_described(self, name: str, data: Mapping[str, Any]) -> Any:
        try:
            return self.find(name)
        except UnknownNameError:
            # Keras writes its own optimizers under registered names such as "Adam", too.
            class_name = data.get("class_name")
            if isinstance(class_name, str) and class_name != name:
                with suppress(UnknownNameError):
                    return self.find(class_name)
            own = class_name if isinstance(class_name, str) else name
            near = near_matches(name, self._entries)
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}",
                expected="one of Latih's, or one that was registered before the file is read",
                fix=(f"{near} " if near.startswith("Did") else "")
                + "If it is your own, write @keras.saving.register_keras_serializable() above it, "
                f"or give custom_objects={{{own!r}: {own}}} to load_model().",
            ) from None

    def names(self) -> list[str]:
        """Return every name of the table, sorted."""
        return sorted(self._entries)


def serialize_keras_object(obj: Any) -> Any:
    """Turn an object into data: :func:`serialize` under Keras's name.

    Args:
        obj: what :func:`serialize` takes.
    """
    return serialize(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """Make again what :func:`serialize_keras_object` described, whatever its family.

    Args:
        config: the data; lists and mappings of it, and plain values, are taken as they stand.
        custom_objects: names of the user's classes and functions.
        safe_mode: taken for Keras's sake: code in data is never run.

    Raises:
        UnknownNameError: no table holds the name.
        FileFormatError: the description is none.

    Example:
        >>> from latih import losses
        >>> deserialize_keras_object(serialize_keras_object(losses.Huber(delta=2.0))).delta
        2.0
    """
    del safe_mode
    with custom_object_scope(custom_objects):
        return _revived(config)


def _revived(data: Any) -> Any:
    if isinstance(data, list):
        return [_revived(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    if not isinstance(data.get("class_name"), str) or "config" not in data:
        return {name: _revived(value) for name, value in data.items()}
    return _table_of(data).deserialize(data)


def _table_of(data: Mapping[str, Any]) -> "Table[Any]":
    name = data["config"] if data["class_name"] == "function" else data["class_name"]
    having = [table for table in _tables if table.holds(name)]
    for table in having:  # a loss and a metric may bear one name
        entry = table.find(name)
        if getattr(entry, "keras_module", None) == data.get("module"):
            return table
    return having[0] if having else Table("object", object)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Let files name a class or function of the user's: the decorator of Keras.

    Args:
        package: the first half of the name in files.
        name: the second half; by default the object's own.

    Returns:
        A decorator that gives the object back unchanged.

    Raises:
        InputError: a class without ``get_config``.

    Example:
        >>> @register_keras_serializable("doc")
        ... def doubled(x):
        ...     return 2 * x
        >>> serialize(doubled)["config"]
        'doc>doubled'
    """

    def register(thing: T) -> T:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise InputError(
                f"{thing.__name__} cannot be registered",
                expected="a class with get_config()",
                got="one without",
                fix="Derive it from a class of Latih or define get_config().",
            )
        _registered[f"{package}>{name or getattr(thing, '__name__', '')}"] = thing
        return thing

    return register


@contextmanager
def reading(what: str) -> Generator[None]:
    """Turn whatever a description makes a constructor raise into one sentence.

    A description may come from a file, and may hold anything where something else is expected.

    Args:
        what: what is read, for the error's sentence.

    Raises:
        FileFormatError: the block raised something that Latih does not raise on purpose.

    Example:
        >>> with reading("the description of layer 'Dense'"):
        ...     {}["units"]
        Traceback (most recent call last):
        ...
        latih.errors.FileFormatError: the description of layer 'Dense' cannot be read: expected the
        arguments that Latih knows, got KeyError: 'units'. Save the model with a release that Latih
        was tested with.
    """
    try:
        yield
    except LatihError:
        raise
    except Exception as error:
        raise FileFormatError(
            f"{what} cannot be read",
            expected="the arguments that Latih knows",
            got=f"{type(error).__name__}: {error}",
            fix="Save the model with a release that Latih was tested with.",
        ) from error


@contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Generator[None]:
    """Let names inside the block mean the user's objects, before any of Latih's.

    Args:
        objects: names and the classes or functions that they shall mean; None for none.
    """
    token = _scope.set({**(_scope.get() or {}), **(objects or {})})
    try:
        yield
    finally:
        _scope.reset(token)


def _registered_name(thing: Any) -> str | None:
    return next((name for name, known in _registered.items() if known is thing), None)
