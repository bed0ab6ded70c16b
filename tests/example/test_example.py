"""The example project as its users run it; its pages and load_graph are tested in unittest_*.py."""

import gzip
from pathlib import Path

import pytest

from tests.example.conftest import Manage
from tests.host.processes import ROOT

LOOK = """
from django.test import Client
from example_project.community.models import User
from sequere.contrib.timeline import Timeline

demo = User.objects.get(username="demo")
client = Client(SERVER_NAME="localhost")
client.force_login(demo)
for address in ("/", "/latest/", "/projects/", "/projects/2/", "/people/thoas/", "/people/thoas/followers/"):
    print(address, client.get(address).status_code)
print(len(Timeline(demo).get_private()), demo.get_followings_count())
"""

#: Each browser has an address, and the site is asked for a host, by a proxy if the schemes differ.
VISITS = """
from django.test import Client

for origin, host in (
    ("http://localhost:8000", "localhost:8000"),
    ("http://192.168.1.5:8000", "192.168.1.5:8000"),
    ("https://name-8000.app.github.dev", "name-8000.app.github.dev"),
    ("https://name-8000.app.github.dev", "localhost:8000"),
    ("https://localhost:8000", "localhost:8000"),
    ("http://elsewhere.org", "elsewhere.org"),
):
    client = Client(enforce_csrf_checks=True, headers={"Host": host, "X-Forwarded-Proto": origin.partition(":")[0]})
    client.cookies["csrftoken"] = "a" * 32
    form = {"language": "fr", "csrfmiddlewaretoken": "a" * 32}
    print(origin, client.post("/language/setlang/", form, headers={"Origin": origin}).status_code)
"""


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """The variables that production needs, as example_project/settings.py says."""
    return {
        "SEQUERE_EXAMPLE_HOSTS": "example.org,www.example.org",
        "SEQUERE_EXAMPLE_HTTPS": "1",
        "SEQUERE_EXAMPLE_SECRET_KEY": "Le train de tes injures roule sur le rail de mon indifference.",
        "SEQUERE_EXAMPLE_STATIC_ROOT": str(tmp_path / "static"),
    }


def test_its_pages_and_load_graph_work(manage: Manage) -> None:
    done = manage("test", "tests.example", "--pattern", "unittest_*.py", "--noinput")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stderr


def test_its_models_have_all_their_migrations(manage: Manage) -> None:
    done = manage("makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_system_checks_find_nothing(manage: Manage) -> None:
    manage("migrate", "-v0")

    done = manage("check", "--database", "default", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_real_graph_is_there() -> None:
    with gzip.open(ROOT / "example_project" / "data" / "debian-depends.tsv.gz", "rt") as lines:
        follows = [line.rstrip("\n").split("\t") for line in lines]

    assert len(follows) == 272_880
    assert len({name for names in follows for name in names}) == 59_253
    assert sum(followed == "libc6" for _, followed in follows) == 21_840


def test_the_checks_for_production_find_nothing(manage: Manage, production: dict[str, str]) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", environment=production)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_in_production_the_well_known_secret_is_refused(manage: Manage, production: dict[str, str]) -> None:
    del production["SEQUERE_EXAMPLE_SECRET_KEY"]

    done = manage("check", environment=production)

    assert done.returncode == 1
    assert "With SEQUERE_EXAMPLE_HTTPS=1, set SEQUERE_EXAMPLE_SECRET_KEY as well." in done.stderr


def test_without_https_it_can_be_reached_by_other_names_and_through_a_proxy(manage: Manage) -> None:
    """A form is posted from the page that a browser sees: in a local network, in a container, and in a workspace in the
    cloud, where a proxy has HTTPS, and may or may not pass on the name."""
    hosts = {"SEQUERE_EXAMPLE_HOSTS": "192.168.1.5,.app.github.dev", "SEQUERE_EXAMPLE_PROXY": "1"}

    done = manage("shell", "-v0", "-c", VISITS, environment=hosts)

    assert done.stdout.splitlines() == [
        *("http://localhost:8000 302", "http://192.168.1.5:8000 302", "https://name-8000.app.github.dev 302"),
        *("https://name-8000.app.github.dev 302", "https://localhost:8000 302", "http://elsewhere.org 400"),
    ], done.stderr


def test_its_static_files_can_be_collected(manage: Manage, production: dict[str, str]) -> None:
    done = manage("collectstatic", "--noinput", environment=production)

    assert done.returncode == 0, done.stderr
    collected = Path(production["SEQUERE_EXAMPLE_STATIC_ROOT"])
    assert {path.parent.name for path in collected.glob("*/*.??????????*.*")} >= {"community", "django_htmx"}


def test_in_redis_it_shows_the_same(manage: Manage, manage_in_redis: Manage) -> None:
    """One after the other, in the same database."""
    shown = []
    for somewhere in (manage, manage_in_redis):
        somewhere("migrate", "-v0")
        somewhere("flush", "--noinput")
        shown.append((somewhere("sample").stdout, somewhere("shell", "-v0", "-c", LOOK).stdout))

    assert shown[0] == shown[1]
    assert "/people/thoas/followers/ 200" in shown[0][1]
