"""Actions: an actor did something, perhaps to a target."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.db import models
from django.utils import timezone

from sequere.base import ResourceKey, ResourceLike
from sequere.log.validation import VERB_MAX_LENGTH, point_in_time
from sequere.registry import registry
from sequere.texts import is_storable
from sequere_timeline.exceptions import ActionNotRegistered, InvalidUid, InvalidVerb, NoAction, VerbTaken


class Action:
    """Subclass it with a verb, and name the class in the `actions` of a ModelBase.

    Actor and target are instances or keys; an action that is read has instances. `date` is a datetime, or seconds since
    1970; now, if None. Other keyword arguments are kept in the log and come back as `kwargs`, so they must be JSON.
    """

    #: The name of the action in the log: a text of 1 to 255 characters. It belongs to one class.
    verb: ClassVar[str] = ""
    #: The keyword arguments that `sequere_timeline.urls` shows to anyone who may see the action. It shows no others.
    public_kwargs: ClassVar[Collection[str]] = ()

    def __init__(
        self,
        actor: ResourceLike,
        target: ResourceLike | None = None,
        date: datetime | float | None = None,
        **kwargs: Any,
    ) -> None:
        self.actor: Any = actor
        self.target: Any = target
        self.date = timezone.now() if date is None else point_in_time(date)
        self.kwargs = kwargs
        #: The name of a saved action; None before Timeline.save().
        self.uid: str | None = None
        #: Whether the target has been deleted: then `target` is None, and `target_key` is its key.
        self.target_deleted = False
        #: In a private timeline, why it is there: some of "own", "direct" and "followed".
        self.reasons: frozenset[str] = frozenset()
        self._actor_key: ResourceKey | None = None
        self._target_key: ResourceKey | None = None

    @property
    def actor_key(self) -> ResourceKey:
        """The key of the actor, even if the actor is gone."""
        return self._key(self.actor, self._actor_key) or registry.key_of(self.actor)

    @property
    def target_key(self) -> ResourceKey | None:
        """The key of the target, even if the target is gone; None for an action without one."""
        return self._key(self.target, self._target_key)

    def saved_as(self, uid: str) -> None:
        """Remember its uid and its keys."""
        self.uid, self._actor_key, self._target_key = uid, self.actor_key, self.target_key
        self.date = point_in_time(self.date)

    def _key(self, resource: Any, remembered: ResourceKey | None) -> ResourceKey | None:
        """The key of a resource, or the remembered key of an instance that is gone and has none."""
        if resource is None or (remembered and not isinstance(resource, ResourceKey) and resource.pk is None):
            return remembered
        return registry.key_of(resource)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.actor, self.verb, self.target) if part is not None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return self is other if self.uid is None else self.uid == other.uid

    def __hash__(self) -> int:
        return object.__hash__(self) if self.uid is None else hash(self.uid)


class StoredAction(NamedTuple):
    """A saved action as a backend keeps it."""

    uid: str
    verb: str
    actor: ResourceKey
    target: ResourceKey | None
    target_deleted: bool
    date: datetime
    kwargs: dict[str, Any]
    #: Why it is in a private timeline: some of "own", "direct" and "followed".
    reasons: Collection[str]

    def restored(
        self, instances: Mapping[ResourceKey, models.Model], classes: Mapping[str, type[Action]]
    ) -> Action | None:
        """The action as an instance of the class that has its verb, of Action itself if no class has it any more; None
        if the actor is not among the instances.

        Does not call the __init__ of a subclass, which may ask for what was not kept.
        """
        if self.actor not in instances:
            return None
        cls = classes.get(self.verb, Action)
        action = cls.__new__(cls)
        action.actor = instances[self.actor]
        action.target = None if self.target is None or self.target_deleted else instances.get(self.target)
        action.date, action.kwargs, action.uid = self.date, self.kwargs, self.uid
        action.target_deleted, action.reasons = self.target_deleted, frozenset(self.reasons)
        action._actor_key, action._target_key = self.actor, self.target
        if cls is Action:
            action.verb = self.verb  # type: ignore[misc]  # the class that had it is gone
        return action


def load_actions(stored: Sequence[StoredAction | None]) -> list[Action | None]:
    """The actions with their actors and targets: 1 query per model class. None where nothing is stored, or the actor is
    hidden."""
    keys = (key for action in stored if action for key in (action.actor, action.target) if key)
    instances, classes = registry.load(dict.fromkeys(keys)), get_actions()
    return [action.restored(instances, classes) if action else None for action in stored]


def get_actions() -> dict[str, type[Action]]:
    """The registered action classes by their verbs. Raises InvalidVerb, VerbTaken."""
    actions: dict[str, type[Action]] = {}
    for options in registry:
        for action in options.actions:
            if not (action.verb and is_storable(action.verb, VERB_MAX_LENGTH)):
                raise InvalidVerb(action=_path(action), verb=action.verb)
            owner = actions.setdefault(action.verb, action)
            if owner is not action:
                raise VerbTaken(action=_path(action), verb=action.verb, owner=_path(owner))
    return actions


def check_action(action: Any) -> None:
    """Raise NoAction unless it is one."""
    if not isinstance(action, Action):
        raise NoAction(value=action)


def saved_uid(action: Action) -> UUID | None:
    """The uid of an action that was saved, perhaps in a transaction that was rolled back. Raises InvalidUid."""
    if action.uid is None:
        return None
    try:
        uid = UUID(action.uid)
    except (AttributeError, TypeError, ValueError):
        uid = None
    if uid is None or uid.version != 4:  # as save() makes them; all other streams are named by what they are about
        raise InvalidUid(uid=action.uid)
    return uid


def check_registered(action: Any) -> None:
    """Raise NoAction, or ActionNotRegistered, unless a timeline can return the action as an instance of its class."""
    check_action(action)
    if get_actions().get(action.verb) is not type(action):
        raise ActionNotRegistered(action=_path(type(action)))


def _path(action: type) -> str:
    return f"{action.__module__}.{action.__qualname__}"
