"""manage.py demo, with a small graph."""

import re
import subprocess
from pathlib import Path

import pytest
import redis

from example_project.servers.valkey import Valkey
from tests.example.conftest import Manage

GRAPH = "bash\tlibc6\nbash\tdpkg\ncoreutils\tlibc6\ndpkg\tlibc6\nlibstdc++6\tlibc6\n"
DATE = r"datetime\.datetime\([\d, ]+, tzinfo=datetime\.timezone\.utc\)"

#: The documentation's text, and what follow() returns; dates are DATE, keys are N.
STORY = """\
>>> user = User.objects.create(username='thoas')
>>> project = Project.objects.create(name='La classe americaine')
>>> follow(user, project)  # thoas will now follow "La classe americaine"
<Event: user:N followed project:N>
>>> is_following(user, project)
True
>>> get_followers_count(project)
1
>>> get_followings_count(user)
1
>>> get_followers(user)
[]
>>> get_followers(project)
[(<User: thoas>, DATE)]
>>> get_followings(user)
[(<Project: La classe americaine>, DATE)]
"""
TIMELINE = """\
>>> newbie = User.objects.create(username='newbie')
>>> follow(newbie, thoas)  # newbie is now following thoas
<Event: user:N followed user:N>
>>> Timeline(newbie).get_private()  # thoas actions now appear in the private timeline of newbie
[<JoinAction: thoas join>]
>>> Timeline(newbie).get_public()
[]
>>> unfollow(newbie, thoas)
<Event: user:N unfollowed user:N>
>>> Timeline(newbie).get_private()
[]
"""
TARGETS = """\
>>> timeline.save(LikeAction(actor=thoas, target=project))
<Event: user:N like project:N>
>>> timeline.get_private()
[<LikeAction: thoas like La classe americaine>, <JoinAction: thoas join>]
>>> timeline.get_private(target=Project)  # only retrieve actions with Project resource as target
[<LikeAction: thoas like La classe americaine>]
>>> timeline.get_private(target='project')  # only retrieve actions with 'project' identifier as target
[<LikeAction: thoas like La classe americaine>]
"""
RELEASE = """\
>>> Timeline(project).save(release)
<Event: project:N release>

All its followers have it in their private timelines. Here are a hundred of them.

>>> sample = [follower for follower, since in get_followers(project)[:100]]
>>> all(release in Timeline(follower).get_private() for follower in sample)
True
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    file = tmp_path / "graph.tsv"
    file.write_text(GRAPH)
    return file


def told(output: str) -> str:
    """The output without the parts that differ from run to run."""
    without_seconds = re.sub(r" +\(\d+\.\d\d s\)\n", "", re.sub(DATE, "DATE", output))
    return re.sub(r"\b(user|project):\d+", r"\1:N", without_seconds)


def test_the_demo_shows_everything_and_leaves_the_database_of_the_site_alone(
    manage: Manage, graph: Path, tmp_path: Path
) -> None:
    done = manage("demo", "--graph", graph, "--one-in", 1)

    assert_told(done)
    # Newer versions of Django open it for a check, which leaves an empty file.
    assert [path for path in tmp_path.glob("*.sqlite3") if path.stat().st_size] == []


def test_the_demo_shows_the_same_in_redis_whatever_an_earlier_one_has_left(
    manage_in_redis: Manage, redis_server: Valkey, graph: Path
) -> None:
    for _ in range(2):
        done = manage_in_redis("demo", "--graph", graph, "--one-in", 1)

    assert_told(done, rebuilds=2)
    assert f"The follows and the timelines are in Redis, at {redis_server.url}." in done.stdout
    assert "make serve BACKEND=redis" in done.stdout
    with redis.Redis.from_url(redis_server.url) as client:
        assert {name.partition(b":")[0] for name in client.scan_iter()} == {b"sequere-demo"}


def assert_told(done: "subprocess.CompletedProcess[str]", *, rebuilds: int = 1) -> None:
    """It succeeded, and all parts of the documentation are there."""
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    output = told(done.stdout)
    missing = [part for part in (STORY, TIMELINE, TARGETS, RELEASE) if part not in output]
    assert not missing, output
    assert "5 follows read; new: 5 projects, 5 follows" in output
    assert "follows per second" in output
    assert re.search(r"project +followers\nlibc6 +4\n", output)
    assert "release in Timeline(follower).get_private()\nFalse\n" in output
    assert output.count("equal to the log") == 4
    assert output.count("rebuilt") == 2 * rebuilds
    assert "make serve" in output


def test_an_invalid_graph_ends_the_demo(manage: Manage, graph: Path) -> None:
    graph.write_text("bash\n")

    done = manage("demo", "--graph", graph)

    assert done.returncode == 1
    assert "line 1: expected follower<TAB>followed, found 'bash'" in done.stderr
