"""The exceptions of timelines. The docstring of a class is its message."""

from sequere.exceptions import SequereException


class TimelineException(SequereException):
    """A timeline could not do what it was asked to do."""


class ActionNotRegistered(TimelineException):
    """{action} is not registered: add it to the `actions` of a ModelBase in a sequere_registry.py."""


class TimelinesNotInstalled(TimelineException):
    """Timelines are not installed, so this one would always be empty: add 'sequere_timeline' to INSTALLED_APPS."""


class NoAction(TimelineException):
    """{value!r} is not an action: pass an instance of a subclass of Action, with its actor."""


class InvalidVerb(TimelineException):
    """{action} has the verb {verb!r}: give it a text of 1 to 255 characters without NUL and lone surrogates."""


class VerbTaken(TimelineException):
    """{action} has the verb {verb!r}, which belongs to {owner}: give one of them another verb."""


class InvalidUid(TimelineException):
    """{uid!r} cannot be the uid of an action: leave it to Timeline.save(), which gives it one."""


class UnsavedAction(TimelineException):
    """{action!r} was never saved: only a saved action can be deleted from a timeline."""


class ActionChanged(TimelineException):
    """{action!r} was saved with other content as {uid}: an action never changes, so create a new one."""


class NotInTimeline(TimelineException):
    """{action!r} is not in the timeline of {owner}: delete it from the timeline of its actor, or from one that it
    was saved in."""


class InvalidFilter(TimelineException):
    """{value!r} is not a filter: use {allowed}."""
