"""Sign up, log in, and edit a profile."""

from typing import Any

from example_project.community.models import User
from sequere.contrib.timeline import Timeline
from tests.example.site import SiteTest

EVIL = "https://evil.example/"
PASSWORD = "Il est fort ce George"


class SignUp(SiteTest):
    def sign_up(self, **form: str) -> Any:
        answers = {"username": "george", "password1": PASSWORD, "password2": PASSWORD}
        return self.client.post("/sign-up/", answers | form)

    def test_a_new_user_is_logged_in_and_has_joined(self) -> None:
        response = self.sign_up(first_name="George", last_name="Abitbol")

        assert response.url == "/"
        assert "Welcome, George Abitbol!" in self.get("/")
        george = User.objects.get(username="george")
        assert [action.verb for action in Timeline(george).get_public()] == ["join"]

    def test_errors_are_shown_beside_their_fields(self) -> None:
        content = self.sign_up(username="thoas", password2="another").content.decode()

        assert "A user with that username already exists." in content
        assert "password fields didn" in content
        assert 'aria-invalid="true"' in content
        assert User.objects.count() == 2

    def test_a_common_password_is_refused(self) -> None:
        content = self.sign_up(password1="password", password2="password").content.decode()

        assert "This password is too common." in content

    def test_sign_up_leads_to_the_requested_page_of_this_site(self) -> None:
        assert self.sign_up(next="/people/thoas/").url == "/people/thoas/"
        self.client.logout()
        assert self.sign_up(username="other", next=EVIL).url == "/"

    def test_a_logged_in_user_cannot_sign_up(self) -> None:
        self.client.force_login(self.newbie)

        assert self.client.get("/sign-up/").url == "/"


class Login(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.newbie.set_password(PASSWORD)
        self.newbie.save()

    def log_in(self, **form: str) -> Any:
        return self.client.post("/login/", {"username": "newbie", "password": PASSWORD} | form)

    def test_login_leads_to_the_requested_page(self) -> None:
        response = self.log_in(next="/people/thoas/")

        assert response.url == "/people/thoas/"
        assert "Log out" in self.get("/")

    def test_login_leads_only_to_this_site(self) -> None:
        assert self.log_in(next=EVIL).url == "/"

    def test_a_wrong_password_is_reported(self) -> None:
        content = self.log_in(password="wrong").content.decode()

        assert "Please enter a correct username and password." in content

    def test_a_user_can_log_out(self) -> None:
        self.log_in()

        response = self.client.post("/logout/", follow=True)

        assert "Log in" in response.content.decode()


class EditProfile(SiteTest):
    def test_a_user_edits_their_profile(self) -> None:
        self.client.force_login(self.newbie)

        response = self.client.post("/profile/", {"first_name": "George", "last_name": "Abitbol", "about": "Classe."})

        assert response.url == "/people/newbie/"
        content = self.get("/people/newbie/")
        assert "<h1>George Abitbol</h1>" in content
        assert "Classe." in content

    def test_nothing_else_can_be_changed(self) -> None:
        self.client.force_login(self.newbie)

        self.client.post("/profile/", {"username": "thoas2", "is_staff": "on", "is_superuser": "on"})

        self.newbie.refresh_from_db()
        assert (self.newbie.username, self.newbie.is_staff, self.newbie.is_superuser) == ("newbie", False, False)

    def test_an_anonymous_visitor_has_no_profile(self) -> None:
        assert self.client.get("/profile/").url == "/login/?next=/profile/"
