"""manage.py sample: people, projects, follows and actions, to look at the site with."""

from typing import Any

from django.core.management.base import BaseCommand

from example_project.community.demo_user import LOGIN
from example_project.community.sample.filling import fill, is_filled


class Command(BaseCommand):
    help = "Fill the site with people and projects, unless this is done already."

    def handle(self, **options: Any) -> None:
        if not is_filled():
            fill()
        self.stdout.write(f"There is a superuser: {LOGIN}, with the password {LOGIN}.")
