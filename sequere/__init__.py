"""Follow things and read timelines; every change is an event in an immutable log."""

from sequere.base import ModelBase, ResourceKey
from sequere.registry import autodiscover, register, unregister

__all__ = ["ModelBase", "ResourceKey", "autodiscover", "register", "unregister"]
