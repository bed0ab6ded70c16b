"""Follow things and read timelines; every change is an event in an immutable log."""

from sequere.base import ModelBase, ResourceKey
from sequere.event_types import EventType, register_event, unregister_event
from sequere.registry import autodiscover, register, unregister

__all__ = [
    "EventType",
    "ModelBase",
    "ResourceKey",
    "autodiscover",
    "register",
    "register_event",
    "unregister",
    "unregister_event",
]
