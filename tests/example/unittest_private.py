"""Private profiles: asking, accepting and denying; removing followers, and blocking."""

from example_project.community.models import User
from tests.example.site import SiteTest


class Private(SiteTest):
    """The client is newbie, who follows thoas."""

    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)
        self.george = User.objects.create_user("george", first_name="George", last_name="Abitbol", is_private=True)

    def press(self, view: str, person: User, next_: str = "/") -> None:
        form = {"identifier": "user", "object_id": person.pk, "next": next_}
        assert self.client.post(f"/sequere/{view}/", form).status_code == 302

    def test_a_private_person_is_asked_and_accepts(self) -> None:
        before = self.get("/people/george/")
        self.press("follow", self.george)
        after = self.get("/people/george/")
        self.client.force_login(self.george)
        asked = self.get("/requests/")
        self.press("accept", self.newbie)

        assert ("· private" in before, ">Follow</button>" in before) == (True, True)
        assert ('action="/sequere/cancel/"' in after, ">Requested</button>" in after) == (True, True)
        assert [text in asked for text in ("Accept: newbie", "Deny: newbie")] == [True, True]
        assert "Nobody is waiting." in self.get("/requests/")
        assert self.newbie.is_following(self.george)

    def test_followers_can_be_removed_by_the_one_they_follow(self) -> None:
        self.newbie.follow(self.thoas)
        button = "Remove: newbie"
        seen_by_others = self.get("/people/thoas/followers/")
        self.client.force_login(self.thoas)
        seen_by_thoas = self.get("/people/thoas/followers/")
        self.press("followers/remove", self.newbie)

        assert (button in seen_by_others, button in seen_by_thoas) == (False, True)
        assert not self.newbie.is_following(self.thoas)

    def test_a_person_can_be_blocked_and_unblocked(self) -> None:
        offered = "Block: George Abitbol" in self.get("/people/george/")
        self.press("block", self.george)
        blocked = self.get("/people/george/")
        self.press("unblock", self.george)

        assert offered
        assert ("Unblock: George Abitbol" in blocked, 'action="/sequere/follow/"' in blocked) == (True, False)
        assert 'action="/sequere/follow/"' in self.get("/people/george/")

    def test_a_person_can_be_muted(self) -> None:
        self.thoas.follow(self.newbie)
        before = "likes" in self.get("/")
        self.press("mute", self.thoas)
        muted = self.get("/people/thoas/")
        hidden = "likes" not in self.get("/")
        self.press("unmute", self.thoas)

        assert ("Unmute: Théo" in muted or "Unmute: thoas" in muted, "Unblock" in muted) == (True, False)
        assert (before, hidden, "likes" in self.get("/")) == (True, True, True)

    def test_a_suggestion_says_why(self) -> None:
        User.objects.create_user("stranger")
        self.thoas.follow(self.george, policy=False)

        page = self.get("/")

        assert "Followed by 1 whom you follow" in page
        assert "New here" in page

    def test_a_profile_can_be_made_private(self) -> None:
        self.client.post("/profile/", {"first_name": "", "last_name": "", "about": "", "is_private": "on"})

        assert User.objects.get(username="newbie").is_private
        assert "Requests" in self.get("/people/newbie/")
