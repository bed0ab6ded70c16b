"""The registered models, their identifiers, and how their instances are named and loaded."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from django.db import models
from django.utils.module_loading import autodiscover_modules

from sequere.base import ModelBase, ResourceKey, ResourceLike
from sequere.exceptions import (
    AlreadyRegistered,
    AnonymousInstance,
    IdentifierTaken,
    InvalidIdentifier,
    InvalidObjectId,
    NoIdentifier,
    NoInstance,
    NotRegistered,
    NotRegistrable,
    SequereException,
    UnknownIdentifier,
    UnsavedInstance,
    shown,
)
from sequere.primary_keys import NotAKey, PrimaryKey
from sequere.sql.chunks import chunks
from sequere.sql.loading import having
from sequere.texts import is_storable, why_not_storable

IDENTIFIER_MAX_LENGTH = 50
OBJECT_ID_MAX_LENGTH = 255

#: What the state of an instance remembers: the identifier that it was loaded by, and the key that it had.
_LOADED_AS, _LAST_PK = "sequere_loaded_as", "sequere_last_pk"


@dataclass(frozen=True)
class _Kind:
    """A registered model."""

    options: ModelBase
    #: Its identifier, and then its aliases.
    names: tuple[str, ...]

    @cached_property
    def pk(self) -> PrimaryKey:
        return PrimaryKey(self.options.model)

    @property
    def has_policy(self) -> bool:
        """Whether its options say who may follow its instances."""
        options = type(self.options)
        return (
            options.allow_follow is not ModelBase.allow_follow
            or options.requires_approval is not ModelBase.requires_approval
        )


class Registry:
    """The registered models, each with its options.

    A model is known by its label, so that its historical versions in a data migration are the model, too.
    """

    def __init__(self) -> None:
        self._by_label: dict[str, _Kind] = {}
        self._by_name: dict[str, _Kind] = {}
        self._observers: list[Callable[[ModelBase], None]] = []
        self._counts_as = lru_cache(maxsize=1024)(self._nearest)
        # An import repeats the same few keys.
        self._canonical = lru_cache(maxsize=16_384)(self._checked)

    def __iter__(self) -> Iterator[ModelBase]:
        return iter([kind.options for kind in self._by_label.values()])

    def observe(self, observer: Callable[[ModelBase], None]) -> None:
        """Call `observer` with the options of every registered model, now and later."""
        self._observers.append(observer)
        for options in self:
            observer(options)

    def register(self, model: type[models.Model], options_class: type[ModelBase] = ModelBase) -> None:
        """Let instances of `model` follow and be followed, act and be acted upon.

        Raises AlreadyRegistered, NotRegistrable (abstract, a proxy, swapped out, or with
        a composite primary key), InvalidIdentifier, IdentifierTaken.
        """
        label = _label(model)
        if reason := _why_not(model):
            raise NotRegistrable(model=label, reason=reason)
        if label in self._by_label:
            raise AlreadyRegistered(model=label)
        options = options_class(model)
        # A text would be many names.
        aliases = [options.aliases] if isinstance(options.aliases, str) else options.aliases
        names = tuple(dict.fromkeys([options.get_identifier(), *aliases]))
        for name in names:
            if not _is_identifier(name):
                raise InvalidIdentifier(identifier=name, model=label)
            if name in self._by_name:
                owner = _label(self._by_name[name].options.model)
                raise IdentifierTaken(identifier=name, model=label, owner=owner)
        self._by_label[label] = kind = _Kind(options, names)
        self._by_name |= dict.fromkeys(names, kind)
        self._forget()
        for observer in self._observers:
            observer(options)

    def unregister(self, model: type[models.Model]) -> None:
        """Forget `model`. Its events stay in the log. Raises NotRegistered."""
        kind = self._by_label.pop(_label(model), None)
        if kind is None:
            raise _not_registered(model)
        for name in kind.names:
            del self._by_name[name]
        self._forget()

    def options_of(self, model: type[models.Model]) -> ModelBase:
        """The options of `model`, or of the registered model that its instances count as. Raises NotRegistered."""
        return self._counts_as(model)[0].options

    def options_for(self, resource: ResourceLike) -> ModelBase:
        """The options that apply to an instance, or to a key. Raises what `key_of()` raises."""
        return self._by_name[self.key_of(resource).identifier].options

    def policy_of(self, key: ResourceKey) -> ModelBase | None:
        """The options that say who may follow an instance with a key, in canonical form; None if they do not."""
        kind = self._by_name[key.identifier]
        return kind.options if kind.has_policy else None

    def identifier_of(self, model: type[models.Model] | str) -> str:
        """The identifier of a registered model, or of its identifier or alias. Raises NotRegistered, NoIdentifier, or
        UnknownIdentifier for a text."""
        if isinstance(model, str):
            self._named(model)
            return model
        kind = self._by_label.get(_label(model))
        if kind is None:
            if getattr(getattr(model, "_meta", None), "proxy", False):
                raise NoIdentifier(model=_label(model), owner=_label(self.options_of(model).model))
            raise _not_registered(model)
        return kind.names[0]

    def primary_key_of(self, model: type[models.Model]) -> tuple[str, PrimaryKey]:
        """The identifier that instances of a model count as, and the primary key that names them. Raises
        NotRegistered."""
        kind, _ = self._counts_as(model)
        return kind.names[0], kind.pk

    def named_models(self) -> dict[str, type[models.Model]]:
        """The registered models by their identifiers, and by their aliases."""
        return {name: kind.options.model for name, kind in self._by_name.items()}

    def key_of(self, instance: ResourceLike) -> ResourceKey:
        """The key of a saved instance. A key is checked, and returned in its canonical form. No query.

        Instances of a proxy, or of an unregistered child, count as those of the nearest registered parent. An instance
        that was loaded for a key keeps that key, whatever its class.
        """
        if isinstance(instance, ResourceKey):
            if type(instance[0]) is str and type(instance[1]) is str:
                return self._canonical(instance)
            return self._checked(instance)  # not from the cache, where 1 and True are equal
        identifier, kind, attname = self._identity(instance)
        if instance.pk is None or instance._state.adding:
            raise UnsavedInstance(model=_label(instance.__class__), pk=instance.pk)
        return ResourceKey(identifier, _text(identifier, kind, getattr(instance, attname)))

    def any_key_of(self, resource: ResourceLike) -> ResourceKey:
        """The same, but any key that the log can have will do: its model may no longer be registered, or have keys of
        another type. For what is to be ended."""
        try:
            return self.key_of(resource)
        except (UnknownIdentifier, InvalidObjectId):
            if not (isinstance(resource, ResourceKey) and can_be_recorded(*resource)):
                raise
            return ResourceKey(*resource)

    def key_named(self, text: str) -> ResourceKey | None:
        """The key that a text like "user:1" names, in canonical form; its model may no longer be registered. None if it
        names none."""
        identifier, colon, object_id = text.partition(":")
        if not (colon and object_id and identifier.isidentifier()):
            return None
        key = ResourceKey(identifier, object_id)
        try:
            return self.key_of(key)
        except UnknownIdentifier:
            return key
        except InvalidObjectId:
            return None

    def keys_of(self, model: type[models.Model], pks: Iterable[Any]) -> Iterator[ResourceKey]:
        """The keys under which the log may know the rows of a model with these primary keys, aliases included."""
        kind, _ = self._counts_as(model)
        for pk in pks:
            with suppress(InvalidObjectId):  # then it is not in the log
                text = _text(kind.names[0], kind, pk)
                yield from (ResourceKey(name, text) for name in kind.names)

    def name_of(self, instance: models.Model) -> str:
        """The name of an instance in metadata: its key, or its label if it is not registered. An instance that was
        deleted has the name that it had."""
        try:
            identifier, kind, attname = self._identity(instance)
            return str(ResourceKey(identifier, _text(identifier, kind, _last(instance, attname))))
        except SequereException:
            pk = _last(instance, instance._meta.pk.attname)
            return instance._meta.label_lower if pk is None else f"{instance._meta.label_lower}:{pk}"

    def pks_of(self, keys: Iterable[ResourceKey]) -> Iterator[Any]:
        """The primary keys that keys name, without those that no instance of their model can have."""
        for _, _, values, _ in self._by_identifier(keys):
            yield from values

    def load(self, keys: Iterable[ResourceKey]) -> dict[ResourceKey, models.Model]:
        """The instances of `keys`, without those that are deleted, hidden or no longer registered.

        1 query per model for every 500 keys. The database may find more than what was asked for, since it compares
        texts as it was told to, and `get_queryset()` may return instances of another class: an instance belongs to the
        key that was asked for, and keeps it.
        """
        found: dict[ResourceKey, models.Model] = {}
        for identifier, kind, values, by_text in self._by_identifier(keys):
            text, attname, model = kind.pk.text, kind.pk.attname, kind.options.model
            is_alias = identifier != kind.names[0]
            for chunk in chunks(values, 500):
                for instance in having(kind.options.get_queryset(), chunk):
                    for key in by_text.get(text(getattr(instance, attname)), ()):
                        found[key] = instance
                    if is_alias or (type(instance) is not model and _label(_concrete(instance)) != _label(model)):
                        vars(instance._state)[_LOADED_AS] = identifier
        return found

    def stored(self, keys: Iterable[ResourceKey]) -> set[ResourceKey]:
        """The `keys` whose instances are in the database, shown or hidden. Costs as much as `load()`."""
        return {
            key
            for _, kind, values, by_text in self._by_identifier(keys)
            for chunk in chunks(values, 500)
            for pk in kind.options.model._base_manager.filter(pk__in=chunk).values_list("pk", flat=True)
            for key in by_text.get(kind.pk.text(pk), ())
        }

    def _identity(self, instance: models.Model) -> tuple[str, _Kind, str]:
        """The identifier of an instance, its registered model, and the attribute that has its key."""
        # A lazy request.user only has the class of its user in __class__.
        model = instance.__class__
        if not issubclass(model, models.Model):
            if getattr(instance, "is_anonymous", False) is True:
                raise AnonymousInstance
            raise NoInstance(value=_what_it_is(instance))
        loaded_as = vars(instance._state).get(_LOADED_AS)
        if loaded_as in self._by_name:
            kind = self._by_name[loaded_as]
            return loaded_as, kind, kind.pk.attname
        kind, attname = self._counts_as(model)
        return kind.names[0], kind, attname

    def _nearest(self, model: type[models.Model]) -> tuple[_Kind, str]:
        """The registered model that the instances of a model count as, and the attribute that has its key."""
        for parent in getattr(model, "__mro__", ()):
            if kind := self._by_label.get(_label(parent)):
                return kind, parent._meta.pk.attname
        raise _not_registered(model)

    def _by_identifier(
        self, keys: Iterable[ResourceKey]
    ) -> Iterator[tuple[str, _Kind, list[Any], dict[str, list[ResourceKey]]]]:
        """For each identifier, the primary keys that are asked for, and the keys that name each, by its text."""
        by_identifier: dict[str, list[ResourceKey]] = defaultdict(list)
        for key in keys:
            by_identifier[key.identifier].append(key)
        for identifier, named in by_identifier.items():
            if kind := self._by_name.get(identifier):
                value_of, text_of = kind.pk.value, kind.pk.text
                values, by_text = [], defaultdict(list)
                for key in named:
                    try:
                        value = value_of(key.object_id)
                        by_text[text_of(value)].append(key)
                    except NotAKey:  # as after the type of the key has changed
                        continue
                    values.append(value)
                yield identifier, kind, values, by_text

    def _checked(self, key: ResourceKey) -> ResourceKey:
        identifier, object_id = key
        kind, given = self._named(identifier), cast(Any, object_id)
        if isinstance(given, str) and (reason := why_not_storable(given, OBJECT_ID_MAX_LENGTH)):
            raise InvalidObjectId(object_id=given, identifier=identifier, reason=reason)
        try:
            value = kind.pk.value(given)
        except NotAKey as error:
            raise InvalidObjectId(object_id=given, identifier=identifier, reason=str(error)) from error
        return ResourceKey(identifier, _text(identifier, kind, value))

    def _named(self, identifier: Any) -> _Kind:
        kind = self._by_name.get(identifier) if isinstance(identifier, str) else None
        if kind is None:
            known = ", ".join(sorted(kind.names[0] for kind in self._by_label.values()))
            raise UnknownIdentifier(identifier=identifier, known=known or "none yet")
        return kind

    def _forget(self) -> None:
        self._counts_as.cache_clear()
        self._canonical.cache_clear()


def remember_key(instance: models.Model, **_: Any) -> None:
    """Remember the primary key of an instance that is about to be deleted: Django takes it away."""
    vars(instance._state)[_LAST_PK] = instance.pk


def _last(instance: models.Model, attname: str) -> Any:
    value = getattr(instance, attname)
    return vars(instance._state).get(_LAST_PK) if value is None else value


def _concrete(instance: models.Model) -> type[models.Model]:
    return instance._meta.concrete_model or type(instance)


def _label(model: Any) -> str:
    """The label of a model, and how an error message names a value that should have been one."""
    if label := getattr(getattr(model, "_meta", None), "label", None):
        return str(label)
    return f"{model.__module__}.{model.__qualname__}" if isinstance(model, type) else shown(model, repr)


def _what_it_is(value: Any) -> str:
    """How an error message names a value that should have been an instance, without the query that the repr() of a
    queryset makes."""
    if isinstance(value, type):
        return _label(value)
    # A template has '' for a name that it does not know.
    return repr(value) if value is None or isinstance(value, str) else f"a value of type {type(value).__qualname__}"


def _is_identifier(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and len(value) <= IDENTIFIER_MAX_LENGTH


def _why_not(model: Any) -> str | None:
    meta = getattr(model, "_meta", None)
    if meta is None:
        return "no model"
    if meta.abstract:
        return "abstract"
    if meta.proxy:
        return f"a proxy of {meta.concrete_model._meta.label}" if meta.concrete_model else "a proxy"
    if meta.swapped:
        return f"swapped out for {meta.swapped}"
    return "keyed by several columns" if isinstance(meta.pk, models.CompositePrimaryKey) else None


def _not_registered(model: Any) -> NotRegistered:
    model = getattr(getattr(model, "_meta", None), "concrete_model", None) or model
    return NotRegistered(model=_label(model), name=getattr(model, "__name__", "Model"))


def _text(identifier: str, kind: _Kind, value: Any) -> str:
    """The text of a primary key that the log can have. Raises InvalidObjectId."""
    try:
        text = kind.pk.text(value)
    except NotAKey as error:
        raise InvalidObjectId(object_id=value, identifier=identifier, reason=str(error)) from error
    if reason := why_not_storable(text, OBJECT_ID_MAX_LENGTH):
        raise InvalidObjectId(object_id=text, identifier=identifier, reason=reason)
    return text


def can_be_recorded(identifier: Any, object_id: Any) -> bool:
    """Whether the log can have a resource with this key."""
    return _is_identifier(identifier) and is_storable(object_id, OBJECT_ID_MAX_LENGTH)


registry = Registry()
register = registry.register
unregister = registry.unregister


def autodiscover() -> None:
    """Import the sequere_registry.py of every installed app."""
    autodiscover_modules("sequere_registry")
