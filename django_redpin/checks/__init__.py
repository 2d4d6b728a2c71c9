"""System checks: one id for each way to be half configured, each with its cure.

`manage.py check` runs those of `project` and `processing`; with `--deploy` those of `deployment`
and `workers` as well, of what is right on a laptop alone.
"""

from __future__ import annotations

from .deployment import check_debug, check_deployment, check_sandbox
from .processing import check_processing
from .project import check_content_security_policy, check_settings
from .workers import check_workers

__all__ = [
    "check_content_security_policy",
    "check_debug",
    "check_deployment",
    "check_processing",
    "check_sandbox",
    "check_settings",
    "check_workers",
]
