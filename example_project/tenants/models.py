"""Who takes payments on this platform."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models


class Tenant(models.Model):
    """A merchant with a Redpin account of its own, at an address of its own.

    No secret is in the row, so none is in a dump or in the admin: `accounts` says where it is.
    """

    # The account's alias, in lower case: databases may ignore case.
    slug = models.CharField(
        max_length=64, unique=True, validators=[RegexValidator(r"\A[a-z0-9][a-z0-9-]*\Z")]
    )
    name = models.CharField(max_length=100)
    host = models.CharField(max_length=253, unique=True)
    client_id = models.CharField(max_length=100)
    customer_id = models.CharField(max_length=100)
    # A tenant that leaves begins no more payments. Those under way still need its account.
    takes_payments = models.BooleanField(default=True)
    staff = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="tenants")

    def __str__(self) -> str:
        return self.name
