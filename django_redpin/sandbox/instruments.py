"""Models of what a developer turns and reads: API faults, and the log of calls.

What a fault does is in ``faults``; what of a call is kept is in ``calls``.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiFault(models.Model):
    """How the next calls of one kind go wrong. The oldest that has any left comes first."""

    call = models.CharField(max_length=20)
    fault = models.CharField(max_length=20)
    # How many calls it is still for; null until it is cleared.
    left = models.PositiveIntegerField(null=True, default=1)
    used = models.PositiveIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True)
    retry_after = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.fault} for {self.call}"


class Call(models.Model):
    """One call, to the API or to a callback, with what may be shown of it."""

    class Direction(models.TextChoices):
        IN = "in", _("in")
        OUT = "out", _("out")

    at = models.DateTimeField()
    direction = models.CharField(max_length=3, choices=Direction.choices)
    method = models.CharField(max_length=20)
    address = models.TextField()
    # Null where no answer was sent or received.
    status = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    # The fault that was played, or what kept the answer away.
    note = models.CharField(max_length=100, blank=True)
    request_headers = models.TextField(blank=True)
    request_body = models.TextField(blank=True)
    answer_headers = models.TextField(blank=True)
    answer_body = models.TextField(blank=True)
    # The references and ids it is about, each between line ends, so that a whole one is found.
    about = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"call {self.pk}"
