"""Follows by POST, lists as JSON, and the health and ready views: `path("sequere/", include("sequere.urls"))`."""

from django.urls import path

from sequere import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
    path("health/", views.health, name="health"),
    path("ready/", views.ready, name="ready"),
    # A key may be any text, also one with slashes in it.
    path("<str:identifier>/<path:object_id>/followers/", views.followers, name="followers"),
    path("<str:identifier>/<path:object_id>/followings/", views.followings, name="followings"),
    path("<str:identifier>/<path:object_id>/friends/", views.friends, name="friends"),
]
