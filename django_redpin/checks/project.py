"""System checks of the `REDPIN` settings: one id for each mistake, each with its cure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse

from ..accounts import ACCOUNT_RESOLVER, account_aliases, account_resolver, redpin_settings
from ..conf import raw_settings
from ..csp_checks import policy_messages
from ..exceptions import ConfigurationError
from ..shapes import PROJECT_SHAPES
from .accounts import account_messages

# By its name: to import it reads settings, before a project has any.
_WEBHOOK: Final = "django_redpin.webhooks.view.WebhookView"


@register(Tags.security)
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what is missing, malformed or unsafe in `settings.REDPIN`."""
    try:
        aliases = account_aliases()
    except ConfigurationError as error:
        return [Error(str(error), hint="See the list of settings in the docs.", id="redpin.E001")]
    if not redpin_settings():
        hint = "Add REDPIN = {'CLIENT_ID': ..., 'CLIENT_SECRET': ..., ...} to the settings."
        return [Error("settings.REDPIN is missing or empty.", hint=hint, id="redpin.E001")]
    found: list[CheckMessage] = [*_project_messages()]
    for alias in aliases:
        try:
            found += account_messages(alias, raw_settings(alias), has_others=_has_others(aliases))
        except ConfigurationError as error:
            found.append(Error(str(error), hint="Give a dict.", id="redpin.E001"))
    return [*found, *_resolver_messages(), *_url_messages(), *_time_messages()]


def _project_messages() -> Iterator[CheckMessage]:
    given = redpin_settings()
    for name, (is_right, cure) in PROJECT_SHAPES.items():
        if name in given and not is_right(given[name]):
            text = f"REDPIN[{name!r}] has a wrong type or value."
            yield Error(text, hint=cure, id="redpin.E003")


def _has_others(aliases: Collection[str]) -> bool:
    return len(aliases) > 1 or redpin_settings().get(ACCOUNT_RESOLVER) is not None


def _resolver_messages() -> Iterator[CheckMessage]:
    try:
        account_resolver()
    except ConfigurationError as error:
        yield Error(
            str(error),
            hint="Give the dotted path of a callable that takes an alias, such as"
            " 'shop.tenants.redpin_account'; importing its module shows what is wrong with it.",
            id="redpin.E010",
        )


def _time_messages() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        text = "USE_TZ is False, but Redpin's times are aware: they can't be compared or kept."
        yield Error(text, hint="Set USE_TZ = True, which is Django's default.", id="redpin.E014")


def _url_messages() -> Iterator[CheckMessage]:
    try:
        path = reverse("redpin:account-webhook", args=("default", "token"))
    except NoReverseMatch:
        yield Error(
            "The webhook has no URL in this project.",
            hint="Add path('redpin/', include('django_redpin.urls')) to the project's URLs.",
            id="redpin.E009",
        )
        return
    try:
        found = resolve("/" + path.removeprefix(get_script_prefix())).func
    except Resolver404:
        found = None
    kinds = getattr(getattr(found, "view_class", None), "__mro__", ())
    if _WEBHOOK not in {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}:
        yield Error(
            "The webhook's URL leads to another view, so that no event of Redpin's is stored.",
            hint="Move the include of django_redpin.urls before the pattern that takes its paths,"
            " and include nothing else with the namespace 'redpin'.",
            id="redpin.E017",
        )


@register(Tags.security)
def check_content_security_policy(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what the project's content security policy would block of a page with a payment."""
    try:
        return [*policy_messages()] if redpin_settings() else []
    except ConfigurationError:
        return []  # `check_settings` tells.
