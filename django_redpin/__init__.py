"""Cross-border payments in Django through Redpin's hosted payment sessions."""

from __future__ import annotations

__version__ = "0.1.0"
