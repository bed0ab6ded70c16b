"""The deletion of an instance ends its relations, and then the resource."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from contextvars import copy_context
from functools import partial
from typing import Any
from weakref import ref

from django.db import DEFAULT_DB_ALIAS, models, router, transaction
from django.db.models.signals import post_delete, pre_delete

from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import NotRegistered
from sequere.log.locks import KEY, Resource, lock_all, lock_found
from sequere.log.models import Event, EventQuerySet
from sequere.log.recording import record_internal
from sequere.log.suspensions import store_suspensions, to_end_suspension
from sequere.registry import registry, remember_key
from sequere.relations.appending import Dated, record_relations
from sequere.relations.intents import TO_END, to_retire
from sequere.relations.key import Graph, RelationKey
from sequere.relations.recorded import live_relations
from sequere.sql.chunks import chunks
from sequere.sql.conditions import among
from sequere.tenants import for_tenant

#: Unfollows that are recorded together if something with many followers is deleted.
UNFOLLOWS_AT_ONCE = 2000
#: Instances whose deletions are recorded together.
INSTANCES_AT_ONCE = 100


class _Together(threading.local):
    """The primary keys that a thread is deleting, by model, and by the queryset or instance that was asked to delete,
    with which they are forgotten.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[Any, dict[Any, list[Any]]]] = {}

    def of(self, origin: Any) -> dict[Any, list[Any]]:
        by_id, key = self._by_id, id(origin)  # not hashed: a model may have an __eq__ of its own
        if key not in by_id:
            by_id[key] = (ref(origin, lambda _: by_id.pop(key, None)), defaultdict(list))
        return by_id[key][1]


_together = _Together()


def note_deletion(sender: type[models.Model], instance: models.Model, using: str, origin: Any = None, **_: Any) -> None:
    """Remember which instances are deleted together: Django signals each alone, and the first one when all instances of
    its model are gone."""
    remember_key(instance)
    if origin is not None and using == _home_of(sender, instance):
        _together.of(origin)[sender].append(instance.pk)


def record_deletion(
    sender: type[models.Model], instance: models.Model, using: str, origin: Any = None, **_: Any
) -> None:
    """Record that an instance is gone, and those deleted with it: an unfollow for every live relation, and a `deleted`
    for each instance. A copy in a database where the router does not have the instance is not the resource.

    1 query if the log has never heard of them; if there are several, 1 more for every 100.
    """
    # Noted deletions are recorded with the first of them; an empty list is left for the others.
    pks = [instance.pk] if using == _home_of(sender, instance) else []
    if origin is not None and sender in (together := _together.of(origin)):
        pks, together[sender] = together[sender], []
    try:
        registry.options_of(sender)
    except NotRegistered:  # unregistered since
        return
    for chunk in chunks(pks, INSTANCES_AT_ONCE):
        # Django also deletes instances that were never loaded, so only their primary keys are looked at.
        keys = dict.fromkeys(registry.keys_of(sender, chunk))
        if len(chunk) > 1:  # some may belong to a deletion that has failed
            there = sender._base_manager.using(using).filter(pk__in=chunk).values_list("pk", flat=True)
            for key in registry.keys_of(sender, there):
                keys.pop(key, None)
        _record(list(keys), using)


def _record(keys: Sequence[ResourceKey], using: str) -> None:
    """Record what happens in a database: in the transaction of the deletion, or after its commit if the log is in
    another database, which a rollback would not reach."""
    log = router.db_for_write(Event)
    if using == log:
        _record_deletions(keys, log)
    else:
        # With the metadata that are in force now.
        record = partial(copy_context().run, _record_deletions, keys, log)
        transaction.on_commit(for_tenant(record), using=using)


def _home_of(model: type[models.Model], instance: models.Model) -> str:
    """The database where the router has an instance, from whichever it was loaded."""
    routes = (getattr(one, "db_for_write", None) for one in router.routers)
    chosen = (route(model, instance=instance) for route in routes if route)
    return next(filter(None, chosen), DEFAULT_DB_ALIAS)


def _record_deletions(keys: Sequence[ResourceKey], using: str) -> None:
    known = set(Resource.objects.using(using).filter(among(keys)).values_list(*KEY))
    keys = [key for key in keys if key in known]
    if not keys:
        return
    with transaction.atomic(using=using):
        for event_ids in chunks(_locked_relations(keys, using), UNFOLLOWS_AT_ONCE):
            events = Event.objects.using(using).in_bulk(event_ids)
            by_graph: dict[Graph, list[Dated]] = defaultdict(list)
            for id_ in event_ids:
                relation = RelationKey.of_event(events[id_])
                by_graph[relation.graph].append((relation, None))
            for relations in by_graph.values():
                record_relations(TO_END, relations, cause="deleted")
        store_suspensions(keys, using, are_suspended=False)
        record_internal([intent for key in keys for intent in (to_end_suspension(key), to_retire(key))])


def _locked_relations(keys: Sequence[ResourceKey], using: str) -> list[int]:
    """The last events of all live relations of resources, with both ends of each locked.

    There may be a million relations: an id is remembered for each. One that is found before and after the locks were
    taken was live in between, too, when its ends were locked.
    """
    return lock_found(partial(_live_relations, keys, using), lambda _: lock_all(_ends(keys, using), using), using)


def _live_relations(keys: Sequence[ResourceKey], using: str) -> list[int]:
    # A relation between two of the resources is found twice.
    return list(
        dict.fromkeys(
            event_id
            for relations in _live_of(keys, using)
            for event_id in relations.order_by("id").values_list("id", flat=True)
        )
    )


def _ends(keys: Sequence[ResourceKey], using: str) -> models.QuerySet[Any, Any]:
    """The resources, and those at the other ends of their live relations."""
    from_them, to_them = _live_of(keys, using)
    themselves = Resource.objects.using(using).filter(among(keys)).values_list(*KEY)
    return themselves.union(
        from_them.values_list("target_identifier", "target_object_id"),
        to_them.values_list("actor_identifier", "actor_object_id"),
    )


def _live_of(keys: Sequence[ResourceKey], using: str) -> tuple[EventQuerySet, EventQuerySet]:
    """The relations that these resources have with others, and those that others have with them."""
    live = live_relations(using)
    return live.filter(among(keys, "actor_")), live.filter(among(keys, "target_"))


def watch_deletions(options: ModelBase) -> None:
    """Connect to the deletion of a registered model, and of its proxies, which Django signals under their own names."""
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
