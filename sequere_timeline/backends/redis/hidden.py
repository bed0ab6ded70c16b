"""Whom the owners of timelines do not see: read with each page, in the same step."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sequere.base import ResourceKey
from sequere.log.locks import uids_of
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.log.suspensions import suspended_among
from sequere.projections.reconciler import Difference, RowKeys
from sequere.redis.connection import Connection, text
from sequere.redis.scanning import ScanKeys
from sequere.redis.scores import to_score
from sequere_timeline.backends.redis.comparing import TimelineComparison
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.members import to_digits
from sequere_timeline.backends.redis.names import number_of_target
from sequere_timeline.intents import generation
from sequere_timeline.visibility import Hidden, first_hidings, hidden_from

#: Instead of an actor: the owner is suspended, and nobody sees anything of its timelines.
NOTHING = "*"


def hidden_texts(owners: Collection[ResourceKey], using: str) -> dict[ResourceKey, str]:
    """For each owner, whom it does not see, as `_shown_entries.lua` reads it; "" for nobody. 3 queries, and 1 more if
    somebody does not see what is done to some."""
    hidden, suspended = hidden_from(owners, using), suspended_among(owners, using)
    everybody = {one for of_owner in hidden.values() for one in of_owner}
    uids = uids_of({one.resource for one in everybody}, using)
    targets = {one.resource for one in everybody if one.as_target}
    latest = latest_of(map(lifecycle, targets), using) if targets else {}

    def said(one: Hidden) -> str:
        uid = uids[one.resource]
        target = number_of_target(uid, generation(latest, one.resource)) if one.as_target else ""
        until = "" if one.until is None else to_score(one.until)
        return f"{to_digits(uid)},{target},{until}".rstrip(",")

    return {
        owner: " ".join([*[NOTHING] * (owner in suspended), *sorted(map(said, hidden.get(owner, ())))])
        for owner in owners
    }


def _owners(rows: Iterable[Sequence[Any]], using: str) -> list[ResourceKey]:
    return sorted({ResourceKey(*end) for row in rows for end in (row[1:3], row[3:5]) if end[0]})


#: The ends of all relations that have ever hidden somebody, and who was ever suspended.
HIDER_KEYS = RowKeys(
    first_hidings,
    _owners,
    also=("actor_identifier", "actor_object_id", "target_identifier", "target_object_id"),
)


def orphaned_hider_keys(connection: Connection) -> ScanKeys:
    """The owners who see everybody according to the log, but not according to Redis."""
    keys = TimelineKeys(connection)

    def orphans(found: list[str], using: str) -> list[ResourceKey]:
        fields = connection.run(("HEXISTS", key, "hidden") for key in found)
        hiding = [keys.owner_of(key) for key, is_there in zip(found, fields, strict=True) if is_there]
        return sorted(owner for owner, actors in hidden_texts(hiding, using).items() if not actors)

    return ScanKeys(connection, (("resource:*", "hash"),), orphans)


class HiddenComparison(TimelineComparison):
    """Compares whom owners do not see."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(using, repair=repair)
        wanted = hidden_texts(keys, using)
        found = self._connection.run(("HGET", self._keys.resource(owner), "hidden") for owner in keys)
        stored = {owner: text(value or "") for owner, value in zip(keys, found, strict=True)}
        wrong = [owner for owner in keys if wanted[owner] != stored[owner]]
        if repair and wrong:
            writer = self._writer((), token, using)
            writer.hide({owner: wanted[owner] for owner in wrong})
            writer.finish()
        return [
            Difference(f"actors hidden from {owner}", wanted[owner] or "none", stored[owner] or "none")
            for owner in wrong
        ]
