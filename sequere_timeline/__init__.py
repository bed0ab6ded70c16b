"""Timelines of actions: what those whom one follows have done."""

from typing import TYPE_CHECKING, Any

from sequere_timeline.actions import Action, get_actions

if TYPE_CHECKING:
    from sequere_timeline.timeline import Timeline

__all__ = ["Action", "Timeline", "get_actions"]


def __getattr__(name: str) -> Any:
    # INSTALLED_APPS imports this package before models may be imported.
    if name == "Timeline":
        from sequere_timeline.timeline import Timeline

        return Timeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
