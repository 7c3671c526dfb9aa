import os

import psycopg2
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import path


def health(_: HttpRequest) -> JsonResponse:
    driver = psycopg2.__libpq_version__
    return JsonResponse({"status": "ok", "uid": os.getuid(), "driver": driver, "style": static("style.css")})


urlpatterns = [path("health", health)]
