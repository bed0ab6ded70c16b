"""Follow and unfollow by POST: `path("sequere/", include("sequere.urls"))`."""

from django.urls import path

from sequere import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
]
