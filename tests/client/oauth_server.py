"""A token endpoint and an API of django-oauth-toolkit, as a process of its own.

It knows one client, of whom it keeps a hash of the secret. Prints its port, and serves until it is
ended. Arguments: the client's id, its secret, the life of its tokens in seconds.
"""

from __future__ import annotations

import sys
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

urlpatterns: list[Any] = []  # Filled when Django is set up.


class QuietHandler(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def main(client_id: str, client_secret: str, life: int) -> None:
    """Serve."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "oauth2_provider",
            "rest_framework",
        ],
        # Tables as the models say; the migrations' history is not what is tried here.
        MIGRATION_MODULES=dict.fromkeys(["auth", "contenttypes", "oauth2_provider"]),
        OAUTH2_PROVIDER={"ACCESS_TOKEN_EXPIRE_SECONDS": life},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="only-for-tests",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path
    from oauth2_provider.contrib.rest_framework import OAuth2Authentication
    from oauth2_provider.models import Application
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Sessions(APIView):
        authentication_classes = [OAuth2Authentication]

        def get(self, request: Request, customer_id: str) -> Response:
            if request.auth is None:
                self.permission_denied(request)
            return Response({"sessions": []})

    urlpatterns.extend(
        [
            path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
            path("v1/customers/<customer_id>/sessions", Sessions.as_view()),
        ]
    )
    call_command("migrate", run_syncdb=True, verbosity=0)
    Application.objects.create(
        client_id=client_id,
        client_secret=client_secret,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=QuietHandler)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
