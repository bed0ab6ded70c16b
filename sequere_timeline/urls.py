"""Timelines as JSON: `path("sequere/", include("sequere.contrib.timeline.urls"))`, beside `sequere.urls`."""

from django.urls import path

from sequere_timeline import views

app_name = "sequere_timeline"

urlpatterns = [
    path("<str:identifier>/<path:object_id>/timeline/", views.public, name="public"),
    path("<str:identifier>/<path:object_id>/timeline/private/", views.private, name="private"),
]
