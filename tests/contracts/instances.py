"""The instances that the contracts need from a project."""

from django.db import models

from tests.factories import ProjectFactory, UserFactory


class Instances:
    """Users and projects of the test app."""

    def create_user(self) -> models.Model:
        return UserFactory()

    def create_project(self) -> models.Model:
        return ProjectFactory()
