"""What every public class of every family must do."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from latih.registry import constructor_arguments, serialize


@pytest.fixture
def public_classes() -> Callable[[Any, type], set[type]]:
    """The classes of a family that a module shows, the base of the family left out."""

    def find(module: Any, base: type) -> set[type]:
        return {
            thing
            for name, thing in vars(module).items()
            if inspect.isclass(thing)
            and issubclass(thing, base)
            and thing is not base
            and not name.startswith("_")
        }

    return find


@pytest.fixture
def assert_comes_back() -> Callable[[Any, Any], Any]:
    """Send an object through JSON and its family's table; return what came back."""

    def check(table: Any, thing: Any) -> Any:
        config = thing.get_config()
        data = json.loads(json.dumps(serialize(thing), allow_nan=False))
        assert set(data) >= {"module", "class_name", "config", "registered_name"}
        again = table.deserialize(data)
        assert type(again) is type(thing)
        assert again.get_config() == config
        assert type(thing).from_config(config).get_config() == config
        return again

    return check


@pytest.fixture
def assert_documented() -> Callable[..., None]:
    """A class tells of each argument, shows an example, and has the sections asked for."""

    def check(cls: type, *sections: str) -> None:
        told = inspect.getdoc(cls) or ""
        assert cls.__doc__, f"{cls.__name__} has no docstring"
        assert "Example:" in told and ">>>" in told, f"{cls.__name__} shows no example"
        for section in sections:
            assert f"{section}:" in told, f"{cls.__name__} has no {section}"
        own = inspect.signature(cls).parameters.values()
        for parameter in own:
            assert f"    {parameter.name}: " in told, f"{cls.__name__}: {parameter.name}"
        assert bool(own) == ("Args:" in told)
        assert "Args" not in sections or constructor_arguments(cls)

    return check
