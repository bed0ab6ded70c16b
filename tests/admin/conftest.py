"""Browsers of users with given permissions."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.factories import UserFactory
from tests.testapp.models import User

#: Logs in a user with these permissions ("sequere.view_event").
LogIn = Callable[..., Client]


@pytest.fixture
def log_in(db: None) -> LogIn:
    def log_in(*permissions: str, is_staff: bool = True) -> Client:
        user = UserFactory(is_staff=is_staff)
        for permission in permissions:
            label, codename = permission.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))
        browser = Client()
        browser.force_login(user)
        return browser

    return log_in


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory(username="boss", is_staff=True, is_superuser=True)


@pytest.fixture
def browser(superuser: User) -> Client:
    """A client logged in as a superuser."""
    browser = Client()
    browser.force_login(superuser)
    return browser
