"""A tenant's Redpin account: `REDPIN["ACCOUNT_RESOLVER"]` names `redpin_account`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from .models import Tenant


def redpin_account(alias: str) -> dict[str, Any] | None:
    """Return what an entry of `REDPIN["ACCOUNTS"]` would hold, or None where there is no tenant."""
    tenant = Tenant.objects.filter(slug=alias).first()
    if tenant is None or tenant.slug != alias:  # MariaDB finds ACME where acme is asked for.
        return None
    return {
        "CLIENT_ID": tenant.client_id,
        "CLIENT_SECRET": _secret(tenant),
        "CUSTOMER_ID": tenant.customer_id,
        "WEBHOOK_BASE_URL": f"https://{tenant.host}",
    }


def _secret(tenant: Tenant) -> str:
    """Read it from where the secret store puts it, each time: a new one holds at once."""
    folder = getattr(settings, "TENANT_SECRETS", "/run/secrets/redpin")
    return Path(folder, f"{tenant.slug}.secret").read_text().strip()
