"""The page about orders works on both databases, and in each mode. test_guides.py runs it inline on SQLite."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dj_database_url
import psycopg
import pytest

from example_project.servers.postgresql import postgresql
from example_project.servers.process import ServerUnavailable
from tests.docs.pages import Block, blocks, page
from tests.docs.project import follow_page, manage
from tests.docs.servers import served, skip_without

WORKER = "celery -A mysite worker --beat --queues sequere,sequere.fanout"
#: A worker may take longer to start than the page waits for it.
READY = """
>>> from mysite.celery import app
>>> any(app.control.ping(timeout=1) for _ in range(60))
True
"""
#: What the tables should hold when the page is done.
QUESTION = """
from orders.models import Notice, OrderState
from sequere.models import QueuedEvent
print(sorted(OrderState.objects.values_list("order_id", "state", "cents", "currency")))
print(list(Notice.objects.values_list("order_id", flat=True)), QueuedEvent.objects.count())
"""
#: Three orders: shipped, cancelled and placed; the follower of thoas heard of the first one.
AFTERWARDS = [
    "[('1', 'shipped', 4200, 'EUR'), ('3', 'cancelled', 100, 'EUR'), ('4', 'placed', 100, 'EUR')]",
    "['1'] 0",
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    try:
        with postgresql() as url:
            yield url
    except ServerUnavailable as error:
        skip_without(error)


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """The setting of a new database on it."""
    name = f"orders_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f'DATABASES["default"] = {dj_database_url.parse(server) | {"NAME": name}!r}'
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def project(community: Path, tmp_path: Path) -> Path:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)
    return tmp_path


def settings(*lines: str) -> Block:
    return Block("python", "\n".join(["# mysite/settings.py", *lines, ""]))


def in_mode(mode: str) -> Block:
    return settings(f"SEQUERE_PROJECTION_MODES = dict.fromkeys(['follows', 'timelines', 'orders'], {mode!r})")


@contextmanager
def with_celery() -> Iterator[list[Block]]:
    """The files and settings of the page about Celery, with a broker of their own."""
    with served(page("celery.md")) as text:
        found = blocks(text)
        paths = {"mysite/celery.py", "mysite/__init__.py", "mysite/settings.py"}
        yield [block for block in found if block.path in paths and not block.reason]


def with_worker(orders: list[Block]) -> Iterator[Block]:
    """The page, with a worker that starts when the tables are there."""
    for block in orders:
        yield block
        if "makemigrations" in block.text:
            yield Block("console", f"$ {WORKER}\n")
            yield Block("pycon", READY)


def orders() -> list[Block]:
    return list(blocks(page("orders.md")))


def left(project: Path) -> list[str]:
    done = manage(f"shell -v0 -c '{QUESTION}'", project)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_orders_on_sqlite_after_the_commit(project: Path) -> None:
    follow_page([in_mode("on_commit"), *orders()], project)

    assert left(project) == AFTERWARDS


def test_orders_on_postgresql(project: Path, database: str) -> None:
    follow_page([settings(database), *orders()], project)

    assert left(project) == AFTERWARDS


def test_orders_with_a_worker(project: Path, database: str) -> None:
    with with_celery() as celery:
        follow_page([settings(database), *celery, in_mode("celery"), *with_worker(orders())], project)

    assert manage("run_projections --once", project).returncode == 0
    assert left(project) == AFTERWARDS
