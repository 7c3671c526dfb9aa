import os

import psycopg
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import path


def health(_: HttpRequest) -> JsonResponse:
    driver = psycopg.pq.__impl__
    return JsonResponse({"status": "ok", "uid": os.getuid(), "driver": driver, "style": static("style.css")})


urlpatterns = [path("health", health)]
