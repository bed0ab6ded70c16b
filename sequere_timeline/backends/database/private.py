"""The entries that follows bring into private timelines: written, and compared with the log, as sets in SQL."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from django.db import connections, models

from sequere.backends.database.statements import join_resource, not_paused
from sequere.base import ResourceKey
from sequere.log.locks import Resource, keys_of
from sequere.log.models import Event
from sequere.projections.reconciler import Comparison, Difference, Reconciler, RowKeys
from sequere.relations.key import RelationKey
from sequere.relations.recorded import ENDS
from sequere.relations.types import FOLLOWED
from sequere.sql.conditions import among
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.rows import fields_of, given
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.backends.database.statements import Answer, above_floor, ask, change, filled, has_reason
from sequere_timeline.visibility import Follows, Interval, intervals_of

#: Event ids beyond all others.
_FIRST, _LAST = 0, 2**63 - 1


def write_follows(relations: Follows, using: str, *, begun: bool = True, ended: bool = True) -> None:
    """Give the owners what these follows justify, and take the rest. The ends of all follows are locked.

    If only live follows count, those that have begun need 1 statement, and so do those that have ended, 2 on databases
    that cannot write in a WITH clause. Otherwise 1 query more, and both. A cap costs what `trim()` does.
    """
    follows = _FollowStatements(relations, using)
    if begun or not follows.are_live_or_nothing:
        follows.grant()
    if ended or not follows.are_live_or_nothing:
        follows.revoke()


class _FollowStatements:
    """Some follows, what they justify, and what is stored."""

    def __init__(self, relations: Follows, using: str) -> None:
        """1 query, none if only live follows count."""
        connection = connections[using]
        self._using = using
        self.are_live_or_nothing = conf.only_live_follows_count()
        self._texts = _texts(using, live=self.are_live_or_nothing, cap=conf.max_length())
        if self.are_live_or_nothing:
            rows: list[Sequence[Any]] = [(stream, *owner, *actor) for stream, (owner, actor) in relations.items()]
            fields = fields_of(Event, ("stream", *ENDS))
        else:
            rows = [
                (*owner, *actor, after, before)
                for stream, intervals in intervals_of(relations, using).items()
                for owner, actor in [relations[stream]]
                for after, before in _bounds(intervals)
            ]
            fields = (*fields_of(Event, ENDS), *fields_of(SavedAction, ("id", "published_event_id")))
        self._given = given(connection, fields, rows)
        self._owners = {owner for owner, _ in relations.values()}

    def grant(self) -> None:
        change(*self._with_given(self._texts.grant), self._using)
        entries.trim(among(self._owners), self._using)

    def revoke(self) -> None:
        for sql in self._texts.revoke:
            change(*self._with_given(sql), self._using)

    def differences(self) -> Answer:
        """The feed, the actor and the action of each entry that is there and should not be, or the reverse; and whether
        it is there. 1 query."""
        return ask(*self._with_given(self._texts.wrong), self._using)

    def _with_given(self, sql: str) -> tuple[str, Sequence[Any]]:
        select, values = self._given
        return sql.replace("{given}", select), values


def _bounds(intervals: Sequence[Interval]) -> Sequence[tuple[int | None, int | None]]:
    """The bounds of each interval, as the statements take them; NULLs for none."""
    return [(after or _FIRST, before or _LAST) for after, before in intervals] or [(None, None)]


class _Texts(NamedTuple):
    """The statements for one database, with {given} for the follows."""

    grant: str
    revoke: Sequence[str]
    wrong: str


@cache
def _texts(using: str, *, live: bool, cap: int | None) -> _Texts:
    words = dialect(connections[using])
    return _put_together(words, _follows(words, live=live), cap)


def fragments_of_functions(words: Dialect) -> Mapping[str, str]:
    """The same statements for follows in arrays, if only live follows count, and without a cap."""
    given = "SELECT * FROM unnest(streams, from_uids, to_uids) AS given (stream, from_uid, to_uid)"
    texts = _put_together(words, _follows(words, live=True, by_uids=True).replace("{given}", given), None)
    return {"{grant}": texts.grant, "{revoke}": "; ".join(texts.revoke)}


def _put_together(words: Dialect, follows: str, cap: int | None) -> _Texts:
    table, saved = words.table(Entry), words.table(SavedAction)
    published = "action.actor_uid = {0}.actor AND action.published_event_id IS NOT NULL"
    same = "entry.feed = pair.feed AND entry.date = action.date AND entry.action_id = action.id"
    fragments = {
        "actions": f"{saved} action ON {published.format('pair')}",
        "entry": words.join_row(table, "entry", same),
        "is_followed": f"entry.feed IS NOT NULL AND {has_reason(Reason.FOLLOWED, 'entry.extra')}",
        "row_id": words.row_id,
        "join": words.join,
        "kept": "true" if cap is None else above_floor(words, "pair.feed", "action.date", "action.id"),
    }
    justified = filled(
        "justified_entries",
        join=words.join,
        actions=f"{saved} action ON {published.format('follow')}",
        kept="true" if cap is None else above_floor(words, "follow.feed", "action.date", "action.id"),
        # More would be trimmed at once; one more than the cap makes the trimming notice.
        newest="" if cap is None else filled("newest_actions", actions=saved, cap=str(cap), earliest=words.earliest),
    )
    unjustified = follows + filled("unjustified_entries", **fragments)
    at = words.is_among
    less = f"UPDATE {table} SET extra = extra & 3 WHERE {words.row_id} " + at(
        "SELECT place FROM unjustified WHERE extra IS NOT NULL"
    )
    gone = f"DELETE FROM {table} WHERE {words.row_id} " + at("SELECT place FROM unjustified WHERE extra IS NULL")
    return _Texts(
        grant=f"{follows} {words.insert_into(Entry, entries.ENTRY_KEY)} {justified} {entries.add_reason(words)}",
        revoke=[f"{unjustified}, less AS ({less}) {gone}"]
        if words.writes_in_with
        else [f"{unjustified} {step}" for step in (less, gone)],
        wrong=follows + filled("wrong_entries", **fragments),
    )


def _follows(words: Dialect, *, live: bool, by_uids: bool = False) -> str:
    """`live`: only live follows justify something, and they justify everything. `by_uids`: the uids of their ends are
    given, in the columns of a relation."""
    uids = ("given.from_uid", "given.to_uid") if by_uids else ("owner.uid", "actor.uid")
    is_wanted = f"e.type = {words.text(FOLLOWED)} AND {not_paused(words, *uids)}"
    last = words.join_last_event(words.table(Event), "e", "given.stream", is_wanted)
    owner, actor = (
        join_resource(words, name, [f"given.{column}" for column in columns])
        for name, columns in (("owner", ENDS[:2]), ("actor", ENDS[2:]))
    )
    return filled(
        "follows",
        given="{given}",
        feed="given.from_uid" if by_uids else "owner.uid",
        actor="given.to_uid" if by_uids else "actor.uid",
        resources="" if by_uids else f"{words.join} {owner} {words.join} {actor}",
        after=f"CASE WHEN e.id IS NOT NULL THEN {_FIRST} END" if live else "given.id",
        before=f"{_LAST}" if live else "given.published_event_id",
        justified=f"LEFT JOIN {last}" if live else "",
    )


class PrivateComparison(Comparison):
    """Compares the entries that follows have brought with what these justify."""

    def differs(self, keys: Follows, using: str) -> bool:
        return bool(_FollowStatements(keys, using).differences())

    def resources(self, keys: Follows, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Follows, using: str, *, repair: bool) -> list[Difference]:
        found = _FollowStatements(keys, using).differences()
        names = keys_of({uid for row in found for uid in row[:2]}, using)
        if repair and found:
            write_follows(keys, using)
        said = ("none", "one")
        return [
            Difference(
                f"entry of action {action} of {names[actor]} in the timeline of {names[feed]}",
                said[not is_there],
                said[is_there],
            )
            for feed, actor, action, is_there in sorted(found)
        ]


def _follows_of_actors(using: str) -> models.QuerySet[Any]:
    """The first events of all relations with someone who has published something."""
    actor = Resource.objects.filter(
        identifier=models.OuterRef(models.OuterRef("target_identifier")),
        object_id=models.OuterRef(models.OuterRef("target_object_id")),
    )
    published = SavedAction.objects.using(using).filter(
        actor_uid=models.Subquery(actor.values("uid")[:1]), published_event_id__isnull=False
    )
    return Event.objects.using(using).filter(models.Exists(published), type=FOLLOWED, scope="", version=1)


def _relations(rows: Sequence[Any], using: str) -> Follows:
    return {row[-5]: (ResourceKey(*row[-4:-2]), ResourceKey(*row[-2:])) for row in rows}


def _followed_entries(using: str) -> models.QuerySet[Any]:
    return Entry.objects.using(using).filter(entries.has(Reason.FOLLOWED))


def _unknown_relations(rows: Sequence[Any], using: str) -> Follows:
    """The relations behind entries, without those that the log knows. 2 queries."""
    pairs = {(row[0], row[-1]) for row in rows}
    names = keys_of({uid for pair in pairs for uid in pair}, using)
    named = ((names[feed], names[actor]) for feed, actor in pairs if feed in names and actor in names)
    relations = {RelationKey(*pair).stream: pair for pair in named}
    known = Event.objects.using(using).filter(stream__in=list(relations), version=1)
    for stream in known.values_list("stream", flat=True):
        del relations[stream]
    return relations


#: All follows of actors who have published something, in the order of the followers, in which their feeds stand.
ENTRIES = Reconciler(
    "entries",
    RowKeys(
        _follows_of_actors,
        _relations,
        columns=("actor_identifier", "actor_object_id", "id"),
        also=("stream", *ENDS),
        size=250,
    ),
    PrivateComparison(),
)
#: All entries that a follow has brought, for those of follows that the log does not know.
UNKNOWN_ENTRIES = Reconciler(
    "unknown entries",
    RowKeys(_followed_entries, _unknown_relations, columns=entries.ENTRY_KEY, also=("action__actor_uid",), size=1000),
    PrivateComparison(),
)
