# One AppConfig, whichever of the two names stands in INSTALLED_APPS.
from sequere_timeline.apps import SequereTimelineConfig

__all__ = ["SequereTimelineConfig"]
