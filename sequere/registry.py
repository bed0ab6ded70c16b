"""The registered models, their identifiers, and how their instances are named and loaded."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.module_loading import autodiscover_modules

from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import (
    AlreadyRegistered,
    AnonymousInstance,
    IdentifierTaken,
    InvalidIdentifier,
    InvalidObjectId,
    NoInstance,
    NotRegistered,
    NotRegistrable,
    UnknownIdentifier,
    UnsavedInstance,
)
from sequere.sql.chunks import chunks

IDENTIFIER_MAX_LENGTH = 50
OBJECT_ID_MAX_LENGTH = 255


class Registry:
    """The registered models, each with its options."""

    def __init__(self) -> None:
        self._options: dict[type[models.Model], ModelBase] = {}
        self._identifiers: dict[type[models.Model], str] = {}
        self._by_identifier: dict[str, ModelBase] = {}
        self._observers: list[Callable[[ModelBase], None]] = []
        # An import repeats the same few keys.
        self._canonical = lru_cache(maxsize=16_384)(self._checked)

    def __iter__(self) -> Iterator[ModelBase]:
        return iter(tuple(self._options.values()))

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
        if model in self._options:
            raise AlreadyRegistered(model=label)
        options = options_class(model)
        identifier = options.get_identifier()
        if not _is_identifier(identifier):
            raise InvalidIdentifier(identifier=identifier, model=label)
        if identifier in self._by_identifier:
            owner = _label(self._by_identifier[identifier].model)
            raise IdentifierTaken(identifier=identifier, model=label, owner=owner)
        self._options[model] = self._by_identifier[identifier] = options
        self._identifiers[model] = identifier
        self._canonical.cache_clear()
        for observer in self._observers:
            observer(options)

    def unregister(self, model: type[models.Model]) -> None:
        """Forget `model`. Its events stay in the log. Raises NotRegistered."""
        options = self._options.pop(model, None)
        if options is None:
            raise _not_registered(model)
        del self._by_identifier[self._identifiers.pop(model)]
        self._canonical.cache_clear()

    def options_of(self, model: type[models.Model]) -> ModelBase:
        """The options of `model`, or of the concrete model behind a proxy. Raises NotRegistered."""
        return self._options[self._registered(model)]

    def identifier_of(self, model: type[models.Model] | str) -> str:
        """The identifier of a model, or of its identifier. Raises NotRegistered, or UnknownIdentifier for a text."""
        if not isinstance(model, str):
            return self._identifiers[self._registered(model)]
        if model not in self._by_identifier:
            raise UnknownIdentifier(identifier=model, known=", ".join(sorted(self._by_identifier)) or "none yet")
        return model

    def key_of(self, instance: models.Model | ResourceKey) -> ResourceKey:
        """The key of a saved instance. A key is checked, and returned in its canonical form. No query."""
        if isinstance(instance, ResourceKey):
            return self._canonical(instance)
        # A lazy request.user only has the class of its user in __class__.
        model = instance.__class__
        if not issubclass(model, models.Model):
            if getattr(instance, "is_anonymous", False) is True:
                raise AnonymousInstance
            raise NoInstance(value=_what_it_is(instance))
        identifier = self._identifiers[self._registered(model)]
        if instance.pk is None or instance._state.adding:
            raise UnsavedInstance(instance=f"{_label(model)} {instance.pk or ''}".rstrip())
        return ResourceKey(identifier, _object_id(identifier, model, instance.pk))

    def load(self, keys: Iterable[ResourceKey]) -> dict[ResourceKey, models.Model]:
        """The instances of `keys`, without those that are deleted, hidden or no longer registered.

        1 query per model for every 500 keys.
        """
        return {
            by_pk[instance.pk]: instance
            for options, by_pk in self._by_model(keys)
            for chunk in chunks(by_pk, 500)
            for instance in options.get_queryset().filter(pk__in=chunk)
        }

    def stored(self, keys: Iterable[ResourceKey]) -> set[ResourceKey]:
        """The `keys` whose instances are in the database, shown or hidden. Costs as much as `load()`."""
        return {
            by_pk[pk]
            for options, by_pk in self._by_model(keys)
            for chunk in chunks(by_pk, 500)
            for pk in options.model._base_manager.filter(pk__in=chunk).values_list("pk", flat=True)
        }

    def _registered(self, model: type[models.Model]) -> type[models.Model]:
        meta = getattr(model, "_meta", None)
        concrete: type[models.Model] = getattr(meta, "concrete_model", None) or model
        if concrete not in self._options:
            raise _not_registered(concrete)
        return concrete

    def _by_model(self, keys: Iterable[ResourceKey]) -> Iterator[tuple[ModelBase, dict[Any, ResourceKey]]]:
        """The keys of each registered model, by their primary keys."""
        wanted: dict[str, dict[Any, ResourceKey]] = defaultdict(dict)
        for key in keys:
            options = self._by_identifier.get(key.identifier)
            if options and (pk := _parse(options.model, key.object_id)) is not None:
                wanted[key.identifier][pk] = key
        return ((self._by_identifier[identifier], by_pk) for identifier, by_pk in wanted.items())

    def _checked(self, key: ResourceKey) -> ResourceKey:
        options = self._by_identifier[self.identifier_of(key.identifier)]
        return ResourceKey(key.identifier, _object_id(key.identifier, options.model, key.object_id))


def _label(model: Any) -> str:
    """How an error message names a value that should have been a model."""
    meta = getattr(model, "_meta", None)
    if meta is not None:
        return str(meta.label)
    return f"{model.__module__}.{model.__qualname__}" if isinstance(model, type) else repr(model)


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
    return NotRegistered(model=_label(model), name=getattr(model, "__name__", "Model"))


@cache
def _pk_of(model: type[models.Model]) -> "tuple[models.Field[Any, Any], Sequence[Callable[[Any], None]]]":
    """The field of the primary key, and what checks its range: databases raise beyond it."""
    field = model._meta.pk
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field, tuple(field.validators) if isinstance(field, models.IntegerField) else ()


def _parse(model: type[models.Model], object_id: str) -> Any:
    """The primary key that a text stands for; None if it is not one, as after the type of the key has changed."""
    try:
        return _pk_of(model)[0].to_python(object_id)
    except ValidationError:
        return None


def _object_id(identifier: str, model: type[models.Model], pk: Any) -> str:
    """The text of a primary key: the same for every Python value of the same key."""
    field, validators = _pk_of(model)
    try:
        value = field.to_python(pk)
        for validate in validators:
            validate(value)
    except ValidationError as error:
        reason = " ".join(error.messages).rstrip(".")
        raise InvalidObjectId(object_id=str(pk), identifier=identifier, reason=reason) from error
    text = str(value)
    if len(text) > OBJECT_ID_MAX_LENGTH:
        reason = f"it is longer than {OBJECT_ID_MAX_LENGTH} characters"
        raise InvalidObjectId(object_id=f"{text[:20]}…", identifier=identifier, reason=reason)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidObjectId(object_id=ascii(text), identifier=identifier, reason="it contains a lone surrogate")
    if "\x00" in text:
        raise InvalidObjectId(object_id=text, identifier=identifier, reason="it contains a NUL character")
    return text


registry = Registry()
register = registry.register
unregister = registry.unregister


def autodiscover() -> None:
    """Import the sequere_registry.py of every installed app."""
    autodiscover_modules("sequere_registry")
