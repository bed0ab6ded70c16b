"""The documented way to sequere_timeline: `from sequere.contrib.timeline import Action, Timeline`."""

from typing import TYPE_CHECKING

from sequere.lazy_imports import lazily

if TYPE_CHECKING:
    from sequere_timeline import Action, Timeline, get_actions

__all__ = ["Action", "Timeline", "get_actions"]

__getattr__ = lazily(__name__, **dict.fromkeys(__all__, "sequere_timeline"))
