"""Health and readiness, for machines that watch the site."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sequere.monitoring.health import DATABASE_DOWN, can_answer, examine

logger = logging.getLogger("sequere")


# ATOMIC_REQUESTS would query the database before the view can report that it is down.
@transaction.non_atomic_requests
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """The health of the projections, for a monitor: 200, or 503 if something is wrong."""
    found = examine()
    return _state(request, asdict(found), found.problems)


@transaction.non_atomic_requests
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Whether this process can answer requests, for a load balancer: 200, or 503 if it cannot reach the database. A
    projection that is late or failing, or a Redis server that is down, changes nothing. 1 query."""
    is_ready = can_answer()
    return _state(request, {"ready": is_ready}, [] if is_ready else [DATABASE_DOWN])


def _state(request: HttpRequest, state: dict[str, Any], problems: Sequence[str]) -> HttpResponse:
    if not problems:
        return JsonResponse(state)
    response = JsonResponse(state, status=HTTPStatus.SERVICE_UNAVAILABLE)
    # Not an error of the site: Django would log every 503 as one, and mail it to the admins.
    log_response("Not healthy: %s", problems, response=response, request=request, logger=logger, level="debug")
    return response
