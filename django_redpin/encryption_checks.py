"""A system check: whether what the settings want encrypted can be."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register

from .encryption import SETTING, is_on
from .exceptions import ConfigurationError


@register(Tags.security)
def check_encryption(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what keeps bank details from being encrypted as the settings say."""
    try:
        is_wanted = is_on()
    except ConfigurationError:
        return []  # `check_settings` tells of keys of a wrong form.
    if not is_wanted or find_spec("cryptography"):
        return []
    text = f"{SETTING} has keys, but the library cryptography is not installed."
    hint = "Install it: pip install django-redpin[encryption]. Without it no payee can be saved."
    return [Error(text, hint=hint, id="redpin.E030")]
