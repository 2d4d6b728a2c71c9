"""Brokers and databases of a test's own, and a proxy: to be stopped, restarted and cut off."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from example_project.demo.processes import Child

from .parts import ROOT, answers, free_port, program, wait_for


class RedisServer:
    """A Redis of its own that keeps nothing on disk; as a context, it ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = program("redis-server")
        self._port = free_port()
        self._child: Child | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [self._program, "--port", str(self._port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        child = Child("redis", command, os.environ, self._folder / "redis.log", ROOT)
        self._child = child
        wait_for(lambda: answers(self._port), 20, child)

    def stop(self) -> None:
        """Kill it: what it held is lost."""
        if self._child:
            self._child.end()
            self._child = None


class PostgresCluster:
    """A PostgreSQL of its own, which tests restart; `url` lacks the database's name."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._log = folder / "log"
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}"

    def create(self) -> None:
        self._run("initdb", "--username", "postgres", "--auth", "trust", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{self._data}'\n"
            )
        self._control("start")

    def restart(self) -> None:
        """Restart it as after a crash: connections are cut, transactions are lost."""
        self._control("restart", "-m", "immediate")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *verb: str) -> None:
        self._run("pg_ctl", "-w", "-l", str(self._log), *verb)

    def _run(self, name: str, *options: str) -> None:
        # PostgreSQL refuses to run as root.
        user: Any = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        command = [program(name), "-D", str(self._data), *options]
        subprocess.run(
            command, cwd="/", check=True, stdout=subprocess.DEVNULL, extra_groups=None, **user
        )


@contextmanager
def postgres_cluster() -> Iterator[PostgresCluster]:
    """Return a cluster that runs; without PostgreSQL's programs the test is skipped."""
    program("initdb")
    # Not beneath pytest's folder, which lets no other user in.
    folder = Path(tempfile.mkdtemp(prefix="redpin-pg-"))
    try:
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        cluster = PostgresCluster(folder)
        cluster.create()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Proxy:
    """A way to a port of this machine that can be cut, and that can lose an answer."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._word = b""
        self.lost = 0
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """Hang up on everybody, now and until `mend`."""
        self._is_cut = True
        for sock in list(self._open):
            _hang_up(sock)

    def mend(self) -> None:
        self._is_cut = False

    def lose_answer_to(self, word: bytes) -> None:
        """Let the next request with this word through, and hang up instead of its answer."""
        self._word = word

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # The end: the listener is closed.
            while True:
                near, _ = self._listener.accept()
                if self._is_cut:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:
                    near.close()
                    continue
                self._open |= {near, far}
                state = threading.Event()
                for one, other, is_answer in ((near, far, False), (far, near, True)):
                    arguments = (one, other, state, is_answer)
                    threading.Thread(target=self._carry, args=arguments, daemon=True).start()

    def _carry(
        self, one: socket.socket, other: socket.socket, is_lost: threading.Event, is_answer: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if is_answer and is_lost.is_set():
                    self.lost += 1
                    break
                if not is_answer and self._word and self._word in data:
                    self._word = b""
                    is_lost.set()
                other.sendall(data)
        for sock in (one, other):
            _hang_up(sock)
            self._open.discard(sock)


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
