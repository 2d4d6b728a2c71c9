"""What processes use over time: memory and connections, and whether they grow."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import psycopg

# Of a run, what is left out while caches and pools fill.
_WARM_UP: Final = 1 / 3
_MIB: Final = 1024 * 1024


@dataclass
class Series:
    """One process and its children, sampled over time."""

    seconds: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Return the memory in MiB, and how it grew once it was warm."""
        if len(self.rss) < 2:
            return {}
        start = int(len(self.rss) * _WARM_UP)
        seconds, rss = self.seconds[start:], self.rss[start:]
        slope = statistics.linear_regression(seconds, rss).slope if len(rss) > 1 else 0.0
        step = max(1, len(self.rss) // 20)
        return {
            "rss_mib": [round(each / _MIB, 1) for each in self.rss[::step]],
            "slope_kib_per_minute": round(slope * 60 / 1024, 1),
            "grown_mib": round(slope * (seconds[-1] - seconds[0]) / _MIB, 2),
            "connections": {"first": self.connections[start], "last": self.connections[-1]},
        }


class Watch:
    """Samples processes, by name, and a database's connections, in a thread; as a context."""

    def __init__(self, pids: Mapping[str, int], postgres: str, database: str) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._postgres, self._database = postgres, database
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.series = {name: Series() for name in pids}
        self.database_connections: list[int] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        begun = time.monotonic()
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            while not self._is_over.wait(1):
                for name, process in self._processes.items():
                    self._sample(self.series[name], process, time.monotonic() - begun)
                row = connection.execute(count, [self._database]).fetchone()
                self.database_connections.append(row[0] if row else 0)

    def _sample(self, series: Series, process: psutil.Process, at: float) -> None:
        rss = connections = 0
        try:
            for each in (process, *process.children(recursive=True)):
                rss += each.memory_info().rss
                connections += len(each.net_connections("tcp"))
        except psutil.NoSuchProcess:
            return  # One has just ended; the next sample is whole.
        series.seconds.append(at)
        series.rss.append(rss)
        series.connections.append(connections)
