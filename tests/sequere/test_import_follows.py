"""manage.py import_follows: imports from the tables of other packages."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.management import importing
from sequere.management.importing import SOURCES
from sequere.models import (
    Event,
    follow,
    get_blocked,
    get_followers,
    get_followings,
    get_friends,
    get_pending,
    is_following,
    unfollow,
)
from sequere.registry import registry
from sequere.signals import events_recorded
from tests.commands import run
from tests.factories import ArticleFactory, DocumentFactory, ProjectFactory, UserFactory
from tests.testapp.models import Article, Project, User

pytestmark = pytest.mark.django_db

START = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)

Insert = Callable[..., None]


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def create_table(name: str, columns: dict[str, str]) -> None:
    moment = connection.data_types["DateTimeField"]
    typed = ", ".join(f"{column} {type_.replace('moment', moment)}" for column, type_ in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (id integer PRIMARY KEY, {typed} NOT NULL)")


def insert(table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    marks = ", ".join(["%s"] * (columns.count(",") + 1))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


@pytest.fixture
def old_sequere() -> Insert:
    """The table of django-sequere 0.4; fill it with (from, to, minute)."""
    keys = {"from_object_id": "integer", "from_identifier": "varchar(50)"}
    keys |= {name.replace("from", "to"): type_ for name, type_ in keys.items()}
    create_table("sequere_follow", {**keys, "is_mutual": "boolean", "created_at": "moment"})
    columns = "id, from_identifier, from_object_id, to_identifier, to_object_id, is_mutual, created_at"

    def fill(*rows: tuple[Any, Any, int], first: int = 1) -> None:
        keys = ((*_key(from_), *_key(to), at(minute)) for from_, to, minute in rows)
        insert("sequere_follow", columns, [(n, *key[:4], False, key[4]) for n, key in enumerate(keys, first)])

    return fill


@pytest.fixture
def old_friendship() -> Insert:
    """The tables of django-friendship; fill one with (from, to, minute)."""
    create_table("friendship_follow", {"created": "moment", "follower_id": "integer", "followee_id": "integer"})
    create_table("friendship_friend", {"created": "moment", "from_user_id": "integer", "to_user_id": "integer"})

    def fill(table: str, *rows: tuple[User, User, int]) -> None:
        from_, to = SOURCES[table].keys
        values = [(n, follower.pk, followed.pk, at(minute)) for n, (follower, followed, minute) in enumerate(rows, 1)]
        insert(SOURCES[table].table, f"id, {from_}, {to}, created", values)

    return fill


@pytest.fixture
def old_requests(thoas: User, newbie: User) -> list[User]:
    """The tables of django-friendship with requests and blocks: some who ask thoas, or have blocked somebody."""
    create_table(
        "friendship_friendshiprequest",
        {
            "from_user_id": "integer",
            "to_user_id": "integer",
            "message": "text",
            "rejected": "text NULL",
            "created": "moment",
        },
    )
    create_table("friendship_block", {"blocker_id": "integer", "blocked_id": "integer", "created": "moment"})
    asking, denied, blocked = UserFactory.create_batch(3)
    rows = [(asking, "Hello", None), (denied, "", at(9)), (blocked, "", None), (newbie, "", None)]
    insert(
        "friendship_friendshiprequest",
        "id, from_user_id, to_user_id, message, rejected, created",
        [(n, one.pk, thoas.pk, message, rejected, at(n)) for n, (one, message, rejected) in enumerate(rows, 1)],
    )
    insert("friendship_block", "id, blocker_id, blocked_id, created", [(1, thoas.pk, blocked.pk, at(5))])
    return [asking, denied, blocked]


def _key(thing: Any) -> tuple[str, Any]:
    return thing if isinstance(thing, tuple) else (registry.key_of(thing).identifier, thing.pk)


def history() -> list[tuple[str, int]]:
    return list(Event.objects.order_by("id").values_list("type", "version"))


def test_the_follows_of_django_sequere_keep_their_times(
    old_sequere: Insert, thoas: User, newbie: User, project: Project
) -> None:
    old_sequere((thoas, project, 1), (newbie, project, 2), (newbie, thoas, 3), (thoas, newbie, 4), (project, thoas, 5))

    status, said = run("import_follows", "django-sequere")

    assert (status, said.splitlines()) == (0, ["sequere_follow: 5 rows", "5 follows recorded, 0 already known"])
    assert list(get_followers(project)) == [(newbie, at(2)), (thoas, at(1))]
    assert list(get_followings(thoas)) == [(newbie, at(4)), (project, at(1))]
    assert list(get_friends(thoas)) == [(project, at(5)), (newbie, at(4))]
    assert Event.objects.earliest("id").metadata == {"cause": "imported", "table": "sequere_follow"}


def test_the_follows_and_the_friends_of_django_friendship(old_friendship: Insert, thoas: User, newbie: User) -> None:
    (other,) = UserFactory.create_batch(1)
    old_friendship("django-friendship", (thoas, newbie, 1), (other, newbie, 2))
    old_friendship("django-friendship-friends", (thoas, newbie, 3), (newbie, thoas, 3))

    assert run("import_follows", "django-friendship")[0] == 0
    assert list(get_followers(newbie)) == [(other, at(2)), (thoas, at(1))]
    assert run("import_follows", "django-friendship-friends")[0] == 0
    assert list(get_friends(newbie)) == [(thoas, at(3))]
    assert list(get_followers(newbie)) == [(other, at(2)), (thoas, at(1))]


def test_the_requests_and_the_blocks_of_django_friendship(old_requests: list[User], thoas: User, newbie: User) -> None:
    """What thoas has denied, and those whom it has blocked, ask no more; newbie follows."""
    asking, _, blocked = old_requests
    follow(newbie, thoas)
    follow(blocked, thoas)

    said = [
        run("import_follows", f"django-friendship-{what}", *options)[1].splitlines()[-1]
        for what in ("blocks", "requests")
        for options in (("--dry-run",), (), ())
    ]

    assert said == [
        "1 blocks would be recorded, 0 already known",
        "1 blocks recorded, 0 already known",
        "0 blocks recorded, 1 already known",
        "3 requests would be recorded, 0 already known",
        "1 requests recorded, 2 already known",
        "0 requests recorded, 3 already known",
    ]
    assert list(get_blocked(thoas)) == [(blocked, at(5))]
    assert list(get_pending(thoas)) == [(asking, at(1))]
    assert Event.objects.get(type="follow_requested").data == {"message": "Hello"}
    assert [one for one, _ in get_followers(thoas)] == [newbie]


def test_the_flags_of_django_activity_stream_are_scopes(thoas: User, newbie: User, project: Project) -> None:
    create_table(
        "actstream_follow",
        {
            "user_id": "integer",
            "content_type_id": "integer",
            "object_id": "varchar(255)",
            "flag": "varchar(255)",
            "started": "moment",
        },
    )
    types = ContentType.objects.get_for_models(Project, User, Permission)
    columns = "id, user_id, content_type_id, object_id, flag, started"
    rows = [(project, ""), (project, "watching"), (newbie, "watching"), (newbie, "x" * 51)]
    insert(
        "actstream_follow",
        columns,
        [(n, thoas.pk, types[type(one)].pk, str(one.pk), flag, at(n)) for n, (one, flag) in enumerate(rows, 1)],
    )

    said = run("import_follows", "django-activity-stream")[1]
    insert("actstream_follow", columns, [(9, thoas.pk, types[Permission].pk, "1", "", at(9))])

    assert said.splitlines()[-1] == "3 follows recorded, 0 already known"
    assert "1 not imported, with an invalid key or time" in said
    assert list(get_followings(thoas)) == [(project, at(1))]
    assert list(get_followings(thoas, scope="watching")) == [(newbie, at(3)), (project, at(2))]
    with pytest.raises(CommandError, match=r"'auth\.permission' \(1\)"):
        call_command("import_follows", "django-activity-stream")


def test_a_second_run_imports_nothing_and_brings_nothing_back(
    old_sequere: Insert, thoas: User, newbie: User, project: Project
) -> None:
    """Also if the table has a follow twice."""
    old_sequere((thoas, project, 1), (newbie, project, 2), (newbie, project, 3))
    run("import_follows", "django-sequere")
    unfollow(newbie, project)

    status, said = run("import_follows", "django-sequere")

    assert (status, said.splitlines()[-1]) == (0, "0 follows recorded, 3 already known")
    assert history() == [("followed", 1), ("followed", 1), ("unfollowed", 2)]
    assert not is_following(newbie, project)


def test_the_log_takes_precedence_over_the_table(
    old_sequere: Insert, thoas: User, newbie: User, project: Project
) -> None:
    follow(thoas, project, timestamp=at(9))
    follow(newbie, project)
    unfollow(newbie, project)
    old_sequere((thoas, project, 1), (newbie, project, 2))

    run("import_follows", "django-sequere")

    assert list(get_followers(project)) == [(thoas, at(9))]


def test_a_dry_run_reports_and_records_nothing(
    old_sequere: Insert, thoas: User, newbie: User, project: Project
) -> None:
    follow(thoas, project)
    old_sequere((thoas, project, 1), (newbie, project, 2), (newbie, thoas, 3), (newbie, newbie, 4))

    status, said = run("import_follows", "django-sequere", dry_run=True)

    assert (status, said.splitlines()) == (
        0,
        [
            "sequere_follow: 4 rows",
            "1 not imported, of something that follows itself:",
            f"  row 4: user:{newbie.pk} → user:{newbie.pk}",
            "2 follows would be recorded, 1 already known",
        ],
    )
    assert Event.objects.count() == 1


def test_refused_rows_are_reported_and_written_to_a_file(
    old_sequere: Insert, thoas: User, project: Project, tmp_path: Path
) -> None:
    """Such as follows of oneself, and of deleted instances."""
    gone = [(("user", 10**6 + number), project, number) for number in range(5)]
    old_sequere((thoas, project, 1), (thoas, thoas, 2), (thoas, ("document", 3), 3), *gone)
    path = tmp_path / "refused.csv"

    status, said = run("import_follows", "django-sequere", refused=path)

    assert status == 0
    assert said.splitlines()[1:] == [
        "1 not imported, of something that follows itself:",
        f"  row 2: user:{thoas.pk} → user:{thoas.pk}",
        "5 not imported, of something that no longer exists:",
        *(f"  row {4 + n}: user:{10**6 + n} → project:{project.pk}" for n in range(3)),
        "  …",
        "1 not imported, with an invalid key or time:",
        f"  row 3: user:{thoas.pk} → document:3",
        "1 follows recorded, 0 already known",
    ]
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "from", "to", "since", "reason"]
    assert rows[1] == ["2", f"user:{thoas.pk}", f"user:{thoas.pk}", str(at(2)), "of something that follows itself"]
    assert len(rows) == 1 + 7


def test_follows_of_hidden_instances_are_imported(old_sequere: Insert, thoas: User) -> None:
    article = ArticleFactory()
    Article.everything.filter(pk=article.pk).update(is_hidden=True)
    old_sequere((thoas, article, 1))

    run("import_follows", "django-sequere")

    followings = get_followings(thoas)
    assert (list(followings), followings.hidden) == ([], 1)


def test_an_import_into_a_scope(old_sequere: Insert, thoas: User, newbie: User) -> None:
    old_sequere((thoas, newbie, 1))
    follow(thoas, newbie)

    reports = [
        run("import_follows", "django-sequere", "--scope", "watch", *more)[1] for more in (["--dry-run"], [], [])
    ]

    assert ["1 follows" in report for report in reports] == [True, True, False]
    assert list(get_followers(newbie, scope="watch")) == [(thoas, at(1))]


def test_an_unknown_identifier_stops_the_import_before_it_begins(
    old_sequere: Insert, thoas: User, project: Project
) -> None:
    old_sequere((thoas, project, 1), (thoas, ("projet", project.pk), 2), (("film", 1), ("projet", 2), 3))

    with pytest.raises(CommandError) as raised:
        run("import_follows", "django-sequere")

    assert str(raised.value) == (
        "sequere_follow has follows of 'film' (1), 'projet' (2), but no registered model has that "
        "identifier: register one, name the new identifier with --rename film=NEW, or leave these follows out with "
        "--skip film."
    )
    assert not Event.objects.exists()


def test_identifiers_may_be_renamed_and_left_out(old_sequere: Insert, thoas: User, project: Project) -> None:
    old_sequere((thoas, ("projet", project.pk), 2), (("film", 1), ("projet", project.pk), 3))

    status, said = run("import_follows", "django-sequere", rename=["projet=project"], skip=["film"])

    assert (status, said.splitlines()[1:]) == (
        0,
        [
            "1 not imported, left out as requested:",
            f"  row 2: film:1 → projet:{project.pk}",
            "1 follows recorded, 0 already known",
        ],
    )
    assert list(get_followers(project)) == [(thoas, at(2))]


def test_an_interrupted_import_says_how_to_resume(
    old_sequere: Insert, thoas: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importing, "PAIRS_PER_TRANSACTION", 2)
    projects = ProjectFactory.create_batch(6)
    old_sequere(*((thoas, project, minute) for minute, project in enumerate(projects)))

    def break_off(events: tuple[Event, ...], **_: Any) -> None:
        if events[0].target == registry.key_of(projects[4]):
            raise KeyboardInterrupt

    events_recorded.connect(break_off)
    with pytest.raises(KeyboardInterrupt):
        call_command("import_follows", "django-sequere")
    events_recorded.disconnect(break_off)
    told = capsys.readouterr().out.splitlines()[-1]
    _, said = run("import_follows", "django-sequere", after=4)

    assert told == "Interrupted: run it again, or resume with --after 4."
    assert said.splitlines() == ["sequere_follow: 2 rows", "2 follows recorded, 0 already known"]
    assert [one for one, _ in get_followings(thoas, desc=False)] == projects


@pytest.mark.database
def test_a_page_costs_a_few_queries_however_long_it_is(old_sequere: Insert, project: Project) -> None:
    costs = []
    for number, first in ((10, 1), (400, 1001)):
        users = UserFactory.create_batch(number)
        old_sequere(*((user, project, minute) for minute, user in enumerate(users)), first=first)
        with CaptureQueriesContext(connection) as captured:
            run("import_follows", "django-sequere", after=first - 1)
        costs.append(len(captured))

    assert costs[1] <= costs[0]
    assert get_followers(project).count() == 410


def test_keys_of_another_form_are_the_same_keys(thoas: User) -> None:
    document = DocumentFactory()
    keys = {"from_object_id": "varchar(50)", "from_identifier": "varchar(50)"}
    keys |= {name.replace("from", "to"): type_ for name, type_ in keys.items()}
    create_table("sequere_follow", {**keys, "created_at": "moment"})
    columns = "id, from_identifier, from_object_id, to_identifier, to_object_id, created_at"
    insert("sequere_follow", columns, [(1, "user", f"0{thoas.pk}", "document", document.pk.hex, at(1))])

    run("import_follows", "django-sequere")

    assert list(get_followings(thoas)) == [(document, at(1))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["django-sequere"], "There is no table sequere_follow in the database 'default'"),
        (["django-friendship"], "There is no table friendship_follow with the columns followee_id"),
        (["django-friendship-friends", "--rename", "x"], "--rename takes OLD=NEW, not 'x'"),
        (["django-friendship-friends", "--rename", "x=nothing"], "No registered model has the identifier 'nothing'"),
        (["django-friendship-friends", "--refused", "/nowhere/x"], "/nowhere/x: No such file or directory"),
        (["django-friendship-friends", "--database", "nowhere"], "invalid choice: 'nowhere'"),
    ],
)
def test_wrong_arguments_are_explained(arguments: list[str], message: str) -> None:
    create_table("friendship_follow", {"created": "moment", "follower_id": "integer"})
    create_table("friendship_friend", {"created": "moment", "from_user_id": "integer", "to_user_id": "integer"})

    with pytest.raises(CommandError) as raised:
        call_command("import_follows", *arguments)

    assert message in str(raised.value)
