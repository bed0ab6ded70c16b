"""Names that a package offers although their modules need models, which Django loads after the package."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(package: str, **modules: str) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562): each name is imported from its module when it is asked for first."""

    def __getattr__(name: str) -> Any:  # noqa: N807  # assigned to that name
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return __getattr__
