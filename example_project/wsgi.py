import os

from django.core.wsgi import get_wsgi_application

import example_project.celery  # noqa: F401  # so that this process has the Celery app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

application = get_wsgi_application()
