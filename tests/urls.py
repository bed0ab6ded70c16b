from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("sequere/", include("sequere.urls")),
    path("sequere/", include("sequere.contrib.timeline.urls")),
]
