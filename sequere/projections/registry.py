"""The projections at work, and when each is applied."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf
from sequere.exceptions import UnknownProjection
from sequere.projections.projector import Projector

#: The projections of our own, in the order in which they are applied: timelines are read from follows.
BUILT_IN_PROJECTIONS = ("follows", "timelines")

_built_in: dict[str, Callable[[], "ReadModel"]] = {}


class ReadModel(Protocol):
    """What a projection of our own keeps: a backend."""

    projector: Projector

    def reset(self, using: str) -> None:
        """Empty it; a rebuild fills it again."""


def provide(name: str, read_model: Callable[[], ReadModel]) -> None:
    """Say, from an AppConfig, what makes the read model of one of the BUILT_IN_PROJECTIONS."""
    _built_in[name] = read_model
    forget_projections()


def read_models() -> Mapping[str, ReadModel]:
    """The read models of our own, in the order in which they are written."""
    return {name: _built_in[name]() for name in BUILT_IN_PROJECTIONS if name in _built_in}


@cache
def projections() -> Mapping[str, Projector]:
    """All projections at work, in the order in which they are applied: ours, then those of the host."""
    ours = {name: read_model.projector for name, read_model in read_models().items()}
    return {**ours, **{name: import_string(path)() for name, path in conf.projectors().items()}}


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
