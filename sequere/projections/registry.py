"""The projections at work: which there are, in which order, and when each is applied."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf
from sequere.exceptions import CircularProjections, UnknownProjection
from sequere.projections.projector import Projector

#: The queue of the projections of our own, which are applied together, and its shards.
BUILT_IN = "built-in"
BUILT_IN_SHARDS = 64

_built_in: dict[str, Callable[[], "ReadModel"]] = {}


class ReadModel(Protocol):
    """What a projection of our own keeps: a backend."""

    projector: Projector

    def reset(self, using: str) -> None:
        """Empty it. A rebuild fills it again."""


def provide(name: str, read_model: Callable[[], ReadModel]) -> None:
    """Say, from an AppConfig, what makes the read model of a projection of our own."""
    _built_in[name] = read_model
    forget_projections()


def built_in() -> Sequence[str]:
    """The names of the projections of our own."""
    return list(_built_in)


def read_models() -> Mapping[str, ReadModel]:
    """The read models of our own, in the order in which they are written."""
    return {name: _built_in[name]() for name in projections() if name in _built_in}


@cache
def projections() -> Mapping[str, Projector]:
    """All projections at work, in the order in which they are applied: each after those that it names in `after`,
    otherwise ours first, then those of the host as the settings name them. Raises CircularProjections."""
    found = {name: read_model().projector for name, read_model in _built_in.items()}
    for projector in found.values():
        projector.queue, projector.shards = BUILT_IN, BUILT_IN_SHARDS
    found |= {name: import_string(path)() for name, path in conf.projectors().items()}
    for name, projector in found.items():
        projector.name = name
    return {name: found[name] for name in _in_order(found)}


def _in_order(projectors: Mapping[str, Projector]) -> list[str]:
    places = {name: place for place, name in enumerate(projectors)}
    sorter = TopologicalSorter({name: {*one.after} & places.keys() for name, one in projectors.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise CircularProjections(names=" → ".join(error.args[1])) from error
    in_order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
        sorter.done(first := ready.pop(0))
        in_order.append(first)
    return in_order


@cache
def inline_projectors() -> Sequence[Projector]:
    """The projectors that are applied in the transaction of an event."""
    return [projector for name, projector in projections().items() if not is_queued(name)]


@cache
def queued_projections() -> Sequence[str]:
    """The names of the projections that are applied later than that, through the outbox."""
    return [name for name in projections() if is_queued(name)]


def mode_of(name: str) -> str:
    """When a projection is applied. Raises UnknownProjection."""
    default = conf.INLINE if projection(name).is_transactional else conf.ON_COMMIT
    return conf.projection_modes().get(name, default)


def is_queued(name: str) -> bool:
    """Whether a projection is applied later than in the transaction of an event."""
    return mode_of(name) != conf.INLINE


def projection(name: str) -> Projector:
    """The projector of a projection. Raises UnknownProjection."""
    try:
        return projections()[name]
    except KeyError as error:
        raise UnknownProjection(name=name, known=", ".join(projections())) from error


def forget_projections() -> None:
    """Read the settings again when a projection is asked for next."""
    projections.cache_clear()
    inline_projectors.cache_clear()
    queued_projections.cache_clear()


def on_setting_changed(*, setting: str, **_: Any) -> None:
    if setting == "INSTALLED_APPS" or setting.startswith("SEQUERE_"):
        forget_projections()


setting_changed.connect(on_setting_changed, dispatch_uid="sequere.projections.on_setting_changed")
