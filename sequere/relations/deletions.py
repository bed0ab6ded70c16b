"""The deletion of an instance ends its relations, and its generation."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from threading import get_ident
from typing import Any, cast

from django.db import models, router, transaction
from django.db.models.signals import post_delete, pre_delete

from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import SequereException
from sequere.log.locks import KEY, Resource, lock_all
from sequere.log.models import Event, EventQuerySet
from sequere.log.recording import record
from sequere.log.types import FOLLOWED
from sequere.registry import registry
from sequere.relations.intents import to_delete, to_unfollow
from sequere.sql.chunks import chunks
from sequere.sql.conditions import among

#: Unfollows recorded at once when something with many followers is deleted.
BATCH_SIZE = 2000

#: Instances whose deletions are recorded at once.
INSTANCES_AT_ONCE = 100

#: Where the queryset, or the instance, that was asked to delete something keeps what goes with it.
TOGETHER = "_sequere_together"


def note_deletion(sender: type[models.Model], instance: models.Model, origin: Any = None, **_: Any) -> None:
    """Remember what goes together: Django tells of each alone, and of the first one when all of its model are gone."""
    if origin is not None:
        # Threads may share a queryset.
        vars(origin).setdefault(TOGETHER, {}).setdefault((get_ident(), sender), []).append(instance.pk)


def record_deletion(
    sender: type[models.Model], instance: models.Model, using: str, origin: Any = None, **_: Any
) -> None:
    """Record that an instance is gone, and those that have gone with it: an unfollow for every live relation, and one
    `deleted` for each.

    1 query when the log never heard of them, and 1 more for 100 when they are several.
    """
    together = getattr(origin, TOGETHER, {})
    pks = together.get((get_ident(), sender), [instance.pk])
    together[get_ident(), sender] = []
    try:
        identifier = registry.options_of(sender).get_identifier()
    except SequereException:  # unregistered since
        return
    for chunk in chunks(pks, INSTANCES_AT_ONCE):
        # Django also deletes instances that were never loaded, so only their primary keys are looked at.
        keys = dict.fromkeys(_keys(identifier, chunk))
        if len(keys) > 1:  # some may be of a deletion that has failed
            there = sender._base_manager.using(using).filter(pk__in=chunk).values_list("pk", flat=True)
            for key in _keys(identifier, there):
                del keys[key]
        _record_deletions(list(keys), router.db_for_write(Event))


def _keys(identifier: str, pks: Iterable[Any]) -> Iterator[ResourceKey]:
    """The keys of instances, without those that the log could never have heard of."""
    for pk in pks:
        with suppress(SequereException):
            yield registry.key_of(ResourceKey(identifier, str(pk)))


def _record_deletions(keys: Sequence[ResourceKey], using: str) -> None:
    heard_of = set(Resource.objects.using(using).filter(among(keys)).values_list(*KEY))
    keys = [key for key in keys if key in heard_of]
    if not keys:
        return
    with transaction.atomic(using=using):
        for event_ids in chunks(_locked_relations(keys, using), BATCH_SIZE):
            follows = Event.objects.using(using).in_bulk(event_ids)
            relations = [(follows[id_].actor, cast(ResourceKey, follows[id_].target)) for id_ in event_ids]
            record([to_unfollow(*relation) for relation in relations], cause="deleted")
        record([to_delete(key) for key in keys])


def _locked_relations(keys: Sequence[ResourceKey], using: str) -> list[int]:
    """The last events of all live relations of resources, all of their ends locked at once.

    Relations that came up while the locks were waited for need more of them, and more locks may only be taken when
    the ones at hand are given back. There may be a million: what has to be remembered of each is a number.
    """
    relations = _live_relations(keys, using)
    while True:
        with transaction.atomic(using=using):
            lock_all(_ends(keys, using), using)
            now = _live_relations(keys, using)
            # One that is live in both was so in between, when its ends were named.
            if set(now) <= set(relations):
                return now
            transaction.set_rollback(True, using)
        relations = now


def _live_relations(keys: Sequence[ResourceKey], using: str) -> list[int]:
    # One between two of them is found twice.
    return list(
        dict.fromkeys(
            event_id
            for follows in _live_follows(keys, using)
            for event_id in follows.order_by("id").values_list("id", flat=True)
        )
    )


def _ends(keys: Sequence[ResourceKey], using: str) -> models.QuerySet[Any, Any]:
    """The resources, and those at the other ends of their live relations."""
    follows, followed = _live_follows(keys, using)
    themselves = Resource.objects.using(using).filter(among(keys)).values_list(*KEY)
    return themselves.union(
        follows.values_list("target_identifier", "target_object_id"),
        followed.values_list("actor_identifier", "actor_object_id"),
    )


def _live_follows(keys: Sequence[ResourceKey], using: str) -> tuple[EventQuerySet, EventQuerySet]:
    """Those of resources, and those by which others follow them."""
    live = Event.objects.using(using).filter(type=FOLLOWED).current()
    return live.filter(among(keys, "actor_")), live.filter(among(keys, "target_"))


def watch_deletions(options: ModelBase) -> None:
    """Connect to the deletion of a registered model, under each name that Django deletes it by."""
    for model in (options.model, *_proxies(options.model)):
        _connect(model)


def watch_proxy(sender: type[models.Model], **_: Any) -> None:
    """Connect to a proxy that is defined after its model was registered."""
    concrete = sender._meta.concrete_model
    if sender._meta.proxy and any(options.model is concrete for options in registry):
        _connect(sender)


def _connect(model: type[models.Model]) -> None:
    pre_delete.connect(note_deletion, sender=model, dispatch_uid=f"sequere.note_deletion.{model._meta.label}")
    post_delete.connect(record_deletion, sender=model, dispatch_uid=f"sequere.deletion.{model._meta.label}")


def _proxies(model: type[models.Model]) -> list[type[models.Model]]:
    direct = [child for child in model.__subclasses__() if child._meta.proxy]
    return [proxy for child in direct for proxy in (child, *_proxies(child))]
