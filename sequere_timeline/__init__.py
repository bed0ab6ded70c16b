"""Timelines of actions: what those whom one follows have done."""

from typing import TYPE_CHECKING

from sequere.lazy_imports import lazily

if TYPE_CHECKING:
    from sequere_timeline.actions import Action, get_actions
    from sequere_timeline.timeline import Timeline

__all__ = ["Action", "Timeline", "get_actions"]

__getattr__ = lazily(
    __name__,
    Action="sequere_timeline.actions",
    Timeline="sequere_timeline.timeline",
    get_actions="sequere_timeline.actions",
)
