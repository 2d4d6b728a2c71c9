"""The library that the fake stands on, or what to do where it is missing."""

from __future__ import annotations

try:
    import responses as responses
except ImportError:
    raise ImportError(
        "django_redpin.testing.FakeRedpin needs the library responses:"
        " python -m pip install 'django-redpin[testing]'"
    ) from None
