"""The suites, in the order in which they run."""

from __future__ import annotations

from typing import Final

from ..suite import Suite
from . import admin, apply, create, end_to_end, sweeps, throughput, tokens, webhook

SUITES: Final[tuple[Suite, ...]] = (
    webhook.SUITE,
    apply.SUITE,
    create.SUITE,
    tokens.SUITE,
    admin.SUITE,
    sweeps.SUITE,
    throughput.SUITE,
    end_to_end.SUITE,
)


def found(name: str) -> Suite:
    """Return the suite of that name. Raises `KeyError` where there is none."""
    return {suite.name: suite for suite in SUITES}[name]
