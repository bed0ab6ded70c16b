"""The reference has everything that a host project may use."""

import importlib
import inspect
import re
from types import ModuleType
from typing import Any

import pytest
from django.dispatch import Signal
from django.utils.module_loading import import_string

from tests.docs.pages import page

#: The modules that a host project imports from, with their names that are only for us.
PUBLIC = {
    "sequere": set(),
    "sequere.models": set(),
    "sequere.base": set(),
    "sequere.mixin": set(),
    "sequere.querysets": set(),
    "sequere.signals": set(),
    "sequere.log": set(),
    "sequere.log.metadata": {"by_default", "current_metadata", "is_costly", "without_metadata"},
    "sequere.log.paging": set(),
    "sequere.monitoring.status": {"waiting_for_projections"},
    "sequere.outbox": set(),
    "sequere.projections": set(),
    "sequere.replay": set(),
    "sequere.replay.progress": set(),
    "sequere.results": {
        *("Place", "Related", "RelationList", "Suggestion", "SuggestionList"),
        *("load_relations", "load_suggestions", "place_of", "rank_at"),
    },
    "sequere.testing": set(),
    "sequere.admin": set(),
    "sequere.contrib.timeline": set(),
    "sequere_timeline": set(),
    "sequere_timeline.signals": set(),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    module = importlib.import_module(name)

    missing = [
        one for one in _public_names(module) if not any(getattr(module, one) is known for known in _documented())
    ]

    assert sorted(missing) == sorted(PUBLIC[name])


def test_everything_in_the_reference_has_a_docstring() -> None:
    bare = [one for one in _documented() if (inspect.isclass(one) or inspect.isroutine(one)) and not one.__doc__]

    assert bare == []


def _public_names(module: ModuleType) -> list[str]:
    """The names in `__all__`, or else those defined in the module without an underscore."""
    if names := getattr(module, "__all__", None):
        return list(names)
    here = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    if module.__name__.endswith(".signals"):
        return [name for name, value in here.items() if isinstance(value, Signal)]
    return [name for name, value in here.items() if getattr(value, "__module__", None) == module.__name__]


def _documented() -> list[Any]:
    """The objects on the page about the API."""
    found, module = [], ""
    for directive, name in re.findall(r"^(?:\.\. (\S+):: | {17})([\w.]+)", page("api.md"), re.MULTILINE):
        if directive == "currentmodule":
            module = f"{name}."
        else:
            found.append(import_string(name if name.startswith("sequere") else module + name))
    return found
