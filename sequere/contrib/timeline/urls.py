"""The documented way to the addresses of timelines: `include("sequere.contrib.timeline.urls")`."""

from sequere_timeline.urls import app_name, urlpatterns

__all__ = ["app_name", "urlpatterns"]
