"""Follow and unfollow by POST, and a monitor's look: `path("sequere/", include("sequere.urls"))`."""

from django.urls import path

from sequere import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
    path("health/", views.health, name="health"),
]
