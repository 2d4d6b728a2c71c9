"""Have django-upgrade bring all Python that git knows up to the oldest Django that is supported.

It writes what it changes, and then says 1: on its own it takes names of files alone.
"""

from __future__ import annotations

import subprocess
import sys

files = subprocess.run(
    ["git", "ls-files", "*.py", ":!*/migrations/*"], capture_output=True, text=True, check=True
).stdout.split()
command = [sys.executable, "-m", "django_upgrade", "--target-version", "5.2", *files]
raise SystemExit(subprocess.run(command, check=False).returncode)
