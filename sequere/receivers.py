"""What Sequere does when something else happens: an event was recorded, an instance was deleted."""

from collections.abc import Sequence
from typing import Any, cast

from django.db import connections, models, router, transaction
from django.db.models.signals import class_prepared, post_delete, post_migrate

from sequere.base import ModelBase, ResourceKey
from sequere.chunks import chunks
from sequere.events import FOLLOWED, Event, EventQuerySet, record
from sequere.exceptions import SequereException
from sequere.immutability import install
from sequere.intents import to_delete, to_unfollow
from sequere.outbox import queue
from sequere.projectors import is_queued, projections
from sequere.registry import registry
from sequere.resources import KEY, Resource, is_, lock_all
from sequere.signals import events_recorded

#: Unfollows recorded at once when something with many followers is deleted.
BATCH_SIZE = 2000


def project(sender: type[Event], events: Sequence[Event], using: str, **_: Any) -> None:
    """Apply events to the projections that are inline, and queue them for the others."""
    for name, projector in projections().items():
        if not is_queued(name):
            projector.apply(events, using=using)
    queue(events, using)


def record_deletion(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    """Record that an instance is gone: an unfollow for every live relation, and one `deleted`.

    1 query when the log never heard of it.
    """
    try:
        # Django also deletes an instance that was never loaded, so only its primary key is looked at.
        identifier = registry.options_of(type(instance)).get_identifier()
        key = registry.key_of(ResourceKey(identifier, str(instance.pk)))
    except SequereException:  # unregistered since, or with a key that the log could never have heard of
        return
    using = router.db_for_write(Event)
    if not Resource.objects.using(using).filter(is_(key)).exists():
        return
    with transaction.atomic(using=using):
        for event_ids in chunks(_locked_relations(key, using), BATCH_SIZE):
            follows = Event.objects.using(using).in_bulk(event_ids)
            relations = [(follows[id_].actor, cast(ResourceKey, follows[id_].target)) for id_ in event_ids]
            record([to_unfollow(*relation) for relation in relations], cause="deleted")
        record([to_delete(key)])


def _locked_relations(key: ResourceKey, using: str) -> list[int]:
    """The last events of all live relations of a resource, all of their ends locked at once.

    Relations that came up while the locks were waited for need more of them, and more locks may only be taken when
    the ones at hand are given back. There may be a million: what has to be remembered of each is a number.
    """
    relations = _live_relations(key, using)
    while True:
        with transaction.atomic(using=using):
            lock_all(_ends(key, using), using)
            now = _live_relations(key, using)
            # One that is live in both was so in between, when its ends were named.
            if set(now) <= set(relations):
                return now
            transaction.set_rollback(True, using)
        relations = now


def _live_relations(key: ResourceKey, using: str) -> list[int]:
    return [
        event_id
        for follows in _live_follows(key, using)
        for event_id in follows.order_by("id").values_list("id", flat=True)
    ]


def _ends(key: ResourceKey, using: str) -> models.QuerySet[Any, Any]:
    """The resources at the ends of its live relations, and itself."""
    follows, followed = _live_follows(key, using)
    itself = Resource.objects.using(using).filter(is_(key)).values_list(*KEY)
    return itself.union(
        follows.values_list("target_identifier", "target_object_id"),
        followed.values_list("actor_identifier", "actor_object_id"),
    )


def _live_follows(key: ResourceKey, using: str) -> tuple[EventQuerySet, EventQuerySet]:
    """Those of a resource, and those by which others follow it."""
    live = Event.objects.using(using).filter(type=FOLLOWED).current()
    return live.filter(is_(key, "actor_")), live.filter(is_(key, "target_"))


def watch_deletions(options: ModelBase) -> None:
    """Connect to the deletion of a registered model, under each name that Django deletes it by."""
    for model in (options.model, *_proxies(options.model)):
        _connect(model)


def watch_proxy(sender: type[models.Model], **_: Any) -> None:
    """Connect to a proxy that is defined after its model was registered."""
    concrete = sender._meta.concrete_model
    if sender._meta.proxy and any(options.model is concrete for options in registry):
        _connect(sender)


def protect_log(using: str, **_: Any) -> None:
    """Put back the triggers of the log, which a remade table (SQLite) has lost."""
    install(connections[using])


def _connect(model: type[models.Model]) -> None:
    post_delete.connect(record_deletion, sender=model, dispatch_uid=f"sequere.deletion.{model._meta.label}")


def _proxies(model: type[models.Model]) -> list[type[models.Model]]:
    direct = [child for child in model.__subclasses__() if child._meta.proxy]
    return [proxy for child in direct for proxy in (child, *_proxies(child))]


def connect(sequere_app: Any) -> None:
    """Connect everything; called once, when the app is ready."""
    events_recorded.connect(project, dispatch_uid="sequere.project")
    post_migrate.connect(protect_log, sender=sequere_app, dispatch_uid="sequere.protect_log")
    class_prepared.connect(watch_proxy, dispatch_uid="sequere.watch_proxy")
    registry.observe(watch_deletions)
