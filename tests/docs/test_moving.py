"""The page about moving works in a project with the tables of other packages."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.docs.pages import blocks, page
from tests.docs.project import follow_page, manage

OLD_TABLES = """
CREATE TABLE sequere_follow (
    id integer PRIMARY KEY, created_at datetime NOT NULL, is_mutual bool NOT NULL,
    from_object_id integer NOT NULL, from_identifier varchar(50) NOT NULL,
    to_object_id integer NOT NULL, to_identifier varchar(50) NOT NULL
);
CREATE TABLE friendship_follow (id integer PRIMARY KEY, created datetime NOT NULL, follower_id int, followee_id int);
CREATE TABLE friendship_friend (id integer PRIMARY KEY, created datetime NOT NULL, from_user_id int, to_user_id int);
CREATE TABLE friendship_block (id integer PRIMARY KEY, created datetime NOT NULL, blocker_id int, blocked_id int);
CREATE TABLE friendship_friendshiprequest (
    id integer PRIMARY KEY, created datetime NOT NULL, message text, rejected datetime, from_user_id int, to_user_id int
);
CREATE TABLE actstream_follow (
    id integer PRIMARY KEY, user_id int, content_type_id int, object_id text, flag text, started datetime NOT NULL
);
INSERT INTO sequere_follow VALUES (1, '2013-10-25 04:41:31', 0, 1, 'user', 1, 'project');
INSERT INTO friendship_follow VALUES (1, '2013-10-25 04:41:31', 1, 2);
INSERT INTO friendship_friend VALUES (1, '2013-10-26 04:41:31', 2, 3), (2, '2013-10-26 04:41:31', 3, 2);
"""

PEOPLE = """
from community.models import Project, User
for name in ("thoas", "newbie", "admirer"):
    User.objects.create_user(name)
Project.objects.create(name="La classe americaine")
"""

QUESTION = """
from community.models import User
print([[str(one) for one, since in user.get_followings()] for user in User.objects.order_by("pk")])
"""


def test_a_project_can_leave_other_packages(community: Path, tmp_path: Path) -> None:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.executescript(OLD_TABLES)
    assert manage(f"shell -c '{PEOPLE}'", tmp_path).returncode == 0

    follow_page(blocks(page("moving.md")), tmp_path)

    followings = manage(f"shell -v0 -c '{QUESTION}'", tmp_path).stdout.strip()
    assert followings == "[['newbie', 'La classe americaine'], ['admirer'], ['newbie']]"
