from django.urls import path

from sequere.contrib.prometheus.views import metrics

urlpatterns = [path("metrics", metrics)]
