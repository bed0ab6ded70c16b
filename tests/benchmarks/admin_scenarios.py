"""How long the admin pages keep the database busy with a large log, for common and for rare events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.benchmarks.raw import GRAPH
from tests.testapp.models import Project, User

PEOPLE = 20_000
ROUNDS = 5
#: A stream with many events.
LONG = "0123456789abcdef0123456789abcdef"

#: Three in ten events are follows of one project. The actors of the first tenth have done nothing since. Rare events
#: are at the beginning, which a list that reads backwards reaches last.
EVENTS = """
INSERT INTO sequere_event (occurred_at, recorded_at, stream, version, schema_version, type, actor_identifier,
    actor_object_id, target_identifier, target_object_id, verb, data, metadata)
SELECT
    moment, moment,
    CASE WHEN n % 1000 = 0 THEN '{long}' ELSE md5(n::text) END::uuid,
    CASE WHEN n % 1000 = 0 THEN n / 1000 ELSE 1 END,
    1,
    CASE WHEN is_rare THEN 'badge_given' WHEN n % 5 = 0 THEN 'action_saved' ELSE 'followed' END,
    CASE WHEN is_rare THEN 'star' ELSE 'user' END,
    CASE WHEN n <= {number} / 10 THEN 7 ELSE 100 + n % ({people} - 100) END,
    CASE WHEN n % 5 = 0 OR n % 10 IN (1, 2, 3) THEN 'project' ELSE 'user' END,
    CASE WHEN n % 10 IN (1, 2, 3) THEN 1 ELSE 1 + (n * 104729) % {people} END,
    CASE WHEN n % 5 > 0 THEN NULL WHEN is_rare THEN 'join' ELSE 'like' END,
    CASE WHEN n % 5 = 0 THEN '{{"kwargs": {{}}}}'::jsonb END,
    CASE
        WHEN n <= {number} / 20 THEN '{{"who": "user:1", "correlation_id": "import 7"}}'
        WHEN n % 10 = 9 THEN jsonb_build_object('who', 'user:1', 'correlation_id', md5(n::text))
    END
FROM (
    SELECT n, n % 5 = 0 AND n < 100 AS is_rare, timestamptz '2026-01-01' + n * interval '10 seconds' AS moment
    FROM generate_series(1::bigint, {number}) n
) given
"""
RESOURCES = """
INSERT INTO sequere_resource (identifier, object_id)
SELECT actor_identifier, actor_object_id FROM sequere_event
UNION SELECT target_identifier, target_object_id FROM sequere_event
"""
NUMBERS = """
WITH graph AS (INSERT INTO sequere_graph (type, scope) VALUES ('follow', ''))
INSERT INTO sequere_name (role, name) SELECT DISTINCT 'kind', identifier FROM sequere_resource
"""
#: In the log, the same people follow the project again and again; they follow it once.
FOLLOWS = f"""
INSERT INTO sequere_database_relation (graph, from_kind, to_kind, from_uid, to_uid, since, event_id)
SELECT {GRAPH}, from_kind.number, to_kind.number, f.uid, t.uid, e.occurred_at, e.id
FROM sequere_event e
JOIN sequere_resource f ON (f.identifier, f.object_id) = (e.actor_identifier, e.actor_object_id)
JOIN sequere_resource t ON (t.identifier, t.object_id) = (e.target_identifier, e.target_object_id)
JOIN sequere_name from_kind ON from_kind.role = 'kind' AND from_kind.name = f.identifier
JOIN sequere_name to_kind ON to_kind.role = 'kind' AND to_kind.name = t.identifier
WHERE e.type = 'followed' AND f.uid <> t.uid
ON CONFLICT DO NOTHING
"""
COUNTS = """
INSERT INTO sequere_database_count (graph, kind, uid, incoming, outgoing, mutual)
SELECT graph, from_kind, to_uid, count(*), 0, 0 FROM sequere_database_relation GROUP BY 1, 2, 3
"""
FAILED = """
INSERT INTO sequere_queuedevent (queue, event_id, shard, stream, attempts, error, traceback, parked_at)
SELECT 'built-in', id, 1, stream, CASE WHEN id % 5 = 0 THEN 5 ELSE 0 END, '', '', NULL
FROM sequere_event ORDER BY id DESC LIMIT 2000
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """The database work of one page."""

    name: str
    queries: int
    #: The median of some rounds, in seconds: in the database, and in total.
    database: float
    total: float

    def __str__(self) -> str:
        return f"{self.name:<52} {self.queries:>3} queries {1000 * self.database:>8.1f} ms {1000 * self.total:>8.1f} ms"


class AdminScenarios:
    def __init__(self, raw: "psycopg.Connection[Any]", *, quick: bool) -> None:
        self._raw = raw
        self.number = 100_000 if quick else 1_000_000
        self._client = Client()

    def prepare(self) -> str:
        """Write the log; returns its size."""
        User.objects.bulk_create(User(username=f"user{n}") for n in range(PEOPLE))
        Project.objects.bulk_create(Project(name=f"project {n}") for n in range(PEOPLE))
        self._raw.execute(EVENTS.format(number=self.number, people=PEOPLE, long=LONG))
        for sql in (RESOURCES, NUMBERS, FOLLOWS, COUNTS, FAILED, "VACUUM (ANALYZE)"):
            self._raw.execute(sql)
        self._client.force_login(User.objects.create_superuser("thoas"))
        sizes = self._raw.execute("""
            SELECT relname, pg_size_pretty(pg_relation_size(oid)) FROM pg_class
            WHERE relname LIKE 'sequere_event%' AND relkind IN ('r', 'i') ORDER BY pg_relation_size(oid) DESC
        """).fetchall()
        return ", ".join(f"{name} {size}" for name, size in sizes)

    def lists(self) -> Iterator[Figure]:
        last, middle = self.number, self.number // 2
        for name, search in {
            "the newest events": {},
            "events, from the middle": {"before": middle},
            "events, the other way": {"after": middle},
            "a common type": {"type": "followed"},
            "a rare type": {"type": "badge_given"},
            "a common verb": {"verb": "like"},
            "a rare verb": {"verb": "join"},
            "a rare verb, ten times as deep": {"verb": "join", "depth": 10},
            "a common kind": {"identifier": "project"},
            "a rare kind": {"identifier": "star"},
            "a day": {"since": "2026-02-01", "until": "2026-02-01"},
            "a rare verb on its day": {"verb": "join", "since": "2026-01-01", "until": "2026-01-01"},
            "the project that many follow": {"q": "project:1"},
            "and a verb that it has not": {"q": "project:1", "verb": "join"},
            "an actor of the first tenth": {"q": "user:7"},
            "and a verb that it has seldom": {"q": "user:7", "verb": "join"},
            "somebody by name, with a common verb": {"q": "user1999", "verb": "like"},
            "an event by its id": {"q": last},
            "a long stream": {"q": LONG},
            "a correlation id of many": {"q": "import 7"},
            "and a rare verb": {"q": "import 7", "verb": "join"},
            "a text that nothing is found by": {"q": "nothing like that"},
        }.items():
            url = f"{reverse('admin:sequere_event_changelist')}?{urlencode(search)}"
            yield self._measured(name, url)
        for name, url in {
            "an event": reverse("admin:sequere_event_change", args=[last]),
            "an event in the middle of a long stream": reverse("admin:sequere_event_change", args=[middle]),
            "the followers of the project": reverse("admin:sequere_relations", args=["followers", "project", "1"]),
            "the projections": reverse("admin:sequere_projection_changelist"),
            "a projection with failed events": reverse("admin:sequere_projection_change", args=["follows"]),
        }.items():
            yield self._measured(name, url)

    def export(self) -> str:
        start = perf_counter()
        response: Any = self._client.get(reverse("admin:sequere_event_export", args=["jsonl"]), {"type": "followed"})
        lines = sum(1 for _ in response.streaming_content)
        return f"{lines:,} events exported, {lines / (perf_counter() - start):,.0f}/s"

    def _measured(self, name: str, url: str) -> Figure:
        figures = []
        for _round in range(ROUNDS):
            taken: list[float] = []

            def timed(execute: Callable[..., Any], *arguments: Any, taken: list[float] = taken) -> Any:
                start = perf_counter()
                try:
                    return execute(*arguments)
                finally:
                    taken.append(perf_counter() - start)

            start = perf_counter()
            with connection.execute_wrapper(timed):
                response = self._client.get(url)
            assert response.status_code == 200, (url, response.status_code)
            figures.append(Figure(name, len(taken), sum(taken), perf_counter() - start))
        return sorted(figures, key=lambda figure: figure.database)[ROUNDS // 2]
