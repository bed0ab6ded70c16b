#!/usr/bin/env python
"""Django's command line for the example project."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

    from django.core.management import execute_from_command_line

    import example_project.celery  # noqa: F401  # so that this process knows the app, too

    execute_from_command_line(sys.argv)
