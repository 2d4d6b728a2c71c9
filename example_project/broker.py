"""kombu's filesystem transport with a put that is atomic, for the embedded broker of the demo.

kombu writes a message into the folder under its final name, and a worker that looks in between
reads an empty file and stops with a JSON error. Written elsewhere and renamed, it is there whole.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """A channel whose messages appear in the folder whole or not at all."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # The name sorts by time, and what follows its first dot tells the queue, as kombu reads it.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        draft = folder / f".{name}.draft"
        draft.write_text(dumps(payload), encoding="utf-8")
        os.replace(draft, folder / name)  # noqa: PTH105 (os.replace names what matters: atomicity)


class Transport(filesystem.Transport):
    """The filesystem transport over that channel. It lets the worker look up more often, so that

    one that was asked to stop does so at once, instead of waiting out its few seconds of quiet.
    """

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one message, or raise `socket.timeout` after half a second at most."""
        longest = 0.5 if timeout is None else min(timeout, 0.5)
        super().drain_events(connection, timeout=longest, **kwargs)
