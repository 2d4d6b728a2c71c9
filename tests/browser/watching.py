"""A browser's context that nothing is allowed to go wrong in unseen."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

# Tells of every broken rule of a content security policy, in each frame of each page.
_LISTENER: Final = """
addEventListener("securitypolicyviolation", (event) =>
  __violation(`${event.effectiveDirective} ${event.blockedURI} on ${event.documentURI}`));
"""


class Watch:
    """Collects errors of the console, uncaught errors and violations of the security policy.

    A test that means something to fail says so by `expect`, with words of the message.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._found: list[str] = []
        # The sandbox's page asks for the focus, which browsers give to no frame of another site.
        self._expected = ["Blocked autofocusing"]
        context.expose_binding("__violation", self._on_violation)
        context.add_init_script(_LISTENER)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)

    def expect(self, *words: str) -> None:
        self._expected += words

    @property
    def complaints(self) -> list[str]:
        """What was found and not expected."""
        return [said for said in self._found if not self._is_expected(said)]

    @property
    def expected_found(self) -> list[str]:
        """What was found as expected."""
        return [said for said in self._found if self._is_expected(said)]

    def _is_expected(self, said: str) -> bool:
        return any(word in said for word in self._expected)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self._found.append(f"console: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._found.append(f"uncaught: {error.error}")

    def _on_violation(self, source: Any, text: str) -> None:
        self._found.append(f"policy: {text}")
