"""The kit's own fixtures, as a merchant has them: the others of that name are for the rest."""

from __future__ import annotations

from django_redpin.testing.plugin import redpin as redpin
