"""The documented way to sequere_timeline: `from sequere.contrib.timeline import Action, Timeline`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequere_timeline import Action, Timeline, get_actions

__all__ = ["Action", "Timeline", "get_actions"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import sequere_timeline

        return getattr(sequere_timeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
