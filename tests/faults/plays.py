"""Every fault of one call: what the server does, and what the call has to become."""

from __future__ import annotations

import functools
import gzip
import itertools
import select
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django_redpin.exceptions import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NoAnswer,
    NotFoundError,
    NotSent,
    RateLimitedError,
    RedpinError,
    ServerError,
)

from .server import Line, Play, Request, answer, right_answer, serving

_HEAD: Final = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Fault:
    """A play and the error that it becomes; None where the answer is right, if oddly told.

    `waits` tells that the call is only ended by a time-out.
    """

    play: Play
    error: type[RedpinError] | None = NoAnswer
    waits: bool = False


def replying(reply: bytes) -> Play:
    """Return the play that answers each request with the same bytes."""
    return serving(lambda request: reply)


def body_of(request: Request) -> bytes:
    return right_answer(request).partition(b"\r\n\r\n")[2]


def saying(body: bytes, *headers: str, status: int = 201) -> Play:
    return replying(answer(status, body, *headers))


# How a connection ends, and when.
def wait_for_something(line: Line) -> None:
    """Wait until the client sends something, and leave it unread."""
    select.select([line.sock], [], [], 5)


def reset_unread(line: Line) -> None:
    wait_for_something(line)
    line.reset()


def finish_unread(line: Line) -> None:
    wait_for_something(line)
    line.finish()


def speak_http(line: Line) -> None:
    wait_for_something(line)
    line.send(answer(400))
    line.finish()


def reset_after(said: bytes) -> Play:
    def play(line: Line) -> None:
        line.request()
        line.send(said)
        line.pause(0.02)  # A reset overtakes what was sent, and may throw it away.
        line.reset()

    return play


def finish_after(said: bytes) -> Play:
    def play(line: Line) -> None:
        line.request()
        line.send(said)
        line.finish()

    return play


# Slowness without end.
def accept_and_stay_silent(line: Line) -> None:
    line.stay_silent()


def read_and_stay_silent(line: Line) -> None:
    line.request()
    line.stay_silent()


def dripping(start: bytes, piece: bytes, pause: float = 0.05) -> Play:
    """Return the play that says `start`, and then one piece after another for ever."""

    def play(line: Line) -> None:
        line.request()
        line.send(start)
        line.drip(itertools.repeat(piece), pause)

    return play


def flooding(start: bytes, piece: bytes) -> Play:
    return dripping(start, piece, pause=0)


SLOW_HEADERS: Final = dripping(_HEAD + b"X-Slow: ", b"s")
DRIP_BODY: Final = dripping(answer(200, length=10**6), b" ")
DRIP_CHUNKS: Final = dripping(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
SLOW_CONTINUES: Final = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")

# The start of a record of 16 kB, which holds the start of a ServerHello of 8 kB.
TLS_RECORD: Final = b"\x16\x03\x03\x40\x00\x02\x00\x20\x00"

_CHUNKED: Final = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_PIECE: Final = b" " * 65536
FLOODS: Final[dict[str, Play]] = {
    "an endless body": flooding(_HEAD + b"\r\n", _PIECE),
    "an endless body with a length": flooding(answer(200, length=10**12), _PIECE),
    "endless chunks": flooding(_CHUNKED, b"10000\r\n" + _PIECE + b"\r\n"),
    # Python reads a negative size as "all that comes".
    "one chunk of a negative size": flooding(_CHUNKED + b"-1\r\n", _PIECE),
    "endless trailers": flooding(_CHUNKED + b"0\r\n", b"X-Trailer: " + b"t" * 1000 + b"\r\n"),
    "endless 100 Continue": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a status line without end": flooding(b"HTTP/1.1 200 ", _PIECE),
    "a header line without end": flooding(_HEAD + b"X-Long: ", _PIECE),
    "headers without end": flooding(_HEAD, b"".join(b"X-%d: y\r\n" % n for n in range(1000))),
}


@functools.cache
def gzip_bomb() -> bytes:
    """Return 200 MB of blanks, packed by gzip to some 200 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    blanks = b" " * 10**6
    return b"".join([*(packer.compress(blanks) for _ in range(200)), packer.flush()])


def zipped(request: Request) -> bytes:
    return answer(200, gzip.compress(body_of(request)), "Content-Encoding: gzip")


def zipped_but_cut(request: Request) -> bytes:
    return answer(200, gzip.compress(body_of(request))[:-4], "Content-Encoding: gzip")


def zipped_with_more(request: Request) -> bytes:
    return answer(200, gzip.compress(body_of(request)) + b"{}", "Content-Encoding: gzip")


def zipped_under_a_wrong_name(request: Request) -> bytes:
    return answer(200, gzip.compress(body_of(request)), "Content-Encoding: br")


def too_short(request: Request) -> bytes:
    return answer(200, body_of(request), length=len(body_of(request)) - 3)


def chunked(request: Request, *headers: bytes) -> bytes:
    head = b"".join(header + b"\r\n" for header in headers)
    return (
        _HEAD
        + head
        + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (
            len(body_of(request)),
            body_of(request),
        )
    )


def chunked_with_a_length(request: Request) -> bytes:
    return chunked(request, b"Content-Length: 7")


def until_the_end(line: Line) -> None:
    """Answer as HTTP/1.0 does: the answer ends where the connection does."""
    if request := line.request():
        line.send(b"HTTP/1.0 200 OK\r\n\r\n" + body_of(request))
        line.finish()


def closing(line: Line) -> None:
    if request := line.request():
        line.send(answer(200, body_of(request), "Connection: close"))
        line.finish()


def odd_headers() -> Iterator[tuple[str, Fault]]:
    """Headers that a library might look at; the answer in them is right."""
    for name, header in {
        "a Date beyond all years": "Date: Fri, 31 Dec 9999 23:59:59 -0100",
        "a Date of nonsense": "Date: 0 0 0 0 0 0",
        "a Date without end": "Date: " + "9" * 5000,
        "a Location that is no URL": "Location: http://[",
        "a cookie": "Set-Cookie: a=b; Max-Age=" + "9" * 5000,
        "a Content-Type of nonsense": "Content-Type: \xff;;charset=nonsense",
        "a Link and a Refresh": "Link: <http://evil.test>; rel=next\r\nRefresh: 0; url=http://evil.test",
    }.items():
        yield name, Fault(serving(functools.partial(_with_header, header)), None)


def _with_header(header: str, request: Request) -> bytes:
    return answer(200, body_of(request), header)


FAULTS: Final[dict[str, Fault]] = {
    # The connection ends.
    "reset before reading": Fault(reset_unread),
    "reset after the request": Fault(reset_after(b"")),
    "reset between header lines": Fault(reset_after(_HEAD + b"X-A: b\r\n")),
    "reset in the body": Fault(reset_after(answer(200, b'{"ses', length=100))),
    "end before reading": Fault(finish_unread),
    "end after the request": Fault(finish_after(b"")),
    "end between header lines": Fault(finish_after(_HEAD + b"X-A: b\r\n")),
    "end in the body": Fault(finish_after(answer(200, b'{"ses', length=100))),
    "end in a chunk": Fault(finish_after(_CHUNKED + b"20\r\n{")),
    # It never ends.
    "silence after accept": Fault(accept_and_stay_silent, waits=True),
    "silence after the request": Fault(read_and_stay_silent, waits=True),
    "silence in the body": Fault(dripping(answer(200, length=9), b""), waits=True),
    "slow headers": Fault(SLOW_HEADERS, waits=True),
    "a dripping body": Fault(DRIP_BODY, waits=True),
    "dripping chunks": Fault(DRIP_CHUNKS, waits=True),
    "slow 100 Continue without end": Fault(SLOW_CONTINUES, waits=True),
    **{name: Fault(play) for name, play in FLOODS.items()},
    # It is packed.
    "gzip": Fault(serving(zipped), None),
    "gzip cut off": Fault(serving(zipped_but_cut)),
    "gzip with more behind it": Fault(serving(zipped_with_more)),
    "gzip under a wrong name": Fault(serving(zipped_under_a_wrong_name)),
    "gzip that is none": Fault(saying(b"{}", "Content-Encoding: gzip")),
    "gzip, twice": Fault(saying(b"{}", "Content-Encoding: gzip, gzip")),
    "a coding unknown to all": Fault(saying(b"{}", "Content-Encoding: \xe4")),
    # Its length is wrong.
    "a length too short": Fault(serving(too_short)),
    "a length too long": Fault(finish_after(answer(200, b"{}", length=9))),
    "a negative length": Fault(saying(b"", "Content-Length: -5", status=200)),
    "two lengths": Fault(saying(b"{}", "Content-Length: 1", status=200)),
    "a length that is no number": Fault(finish_after(_HEAD + b"Content-Length: x\r\n\r\n{}")),
    "a length of 5,000 digits": Fault(
        finish_after(_HEAD + b"Content-Length: %b\r\n\r\n" % (b"9" * 5000))
    ),
    # It comes in chunks.
    "chunks": Fault(serving(chunked), None),
    "chunks and a length": Fault(serving(chunked_with_a_length), None),
    "a chunk size that is no number": Fault(replying(_CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n")),
    "a chunk size below zero": Fault(finish_after(_CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n")),
    "a chunk size beyond all bounds": Fault(finish_after(_CHUNKED + b"f" * 5000 + b"\r\n{}")),
    "a chunk size line beyond all bounds": Fault(replying(_CHUNKED + b"f" * 70000)),
    "a chunk without its end": Fault(finish_after(_CHUNKED + b"2\r\n{}garbage")),
    "a transfer coding that is unknown": Fault(
        finish_after(_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    ),
    # It is hardly HTTP.
    "HTTP/0.9": Fault(finish_after(b"<html>hello</html>")),
    "a status of four digits": Fault(replying(b"HTTP/1.1 2000 OK\r\n\r\n")),
    "a status without digits": Fault(replying(b"HTTP/1.1 OK\r\n\r\n")),
    "HTTP/9.9": Fault(replying(b"HTTP/9.9 200 OK\r\n\r\n")),
    "another protocol": Fault(finish_after(b"220 mail.example ESMTP\r\n")),
    "binary garbage": Fault(finish_after(bytes(range(256)))),
    "a header without a colon": Fault(finish_after(_HEAD + b"nonsense\r\n\r\n")),
    "a header line beyond all bounds": Fault(replying(_HEAD + b"X: " + b"y" * 70000 + b"\r\n\r\n")),
    "thousands of headers": Fault(replying(_HEAD + b"X: y\r\n" * 5000 + b"\r\n")),
    "102 and then nothing": Fault(replying(b"HTTP/1.1 102 Processing\r\n\r\n")),
    "101": Fault(replying(answer(101))),
    "until the end": Fault(until_the_end, None),
    "Connection: close": Fault(closing, None),
    **dict(odd_headers()),
    # It redirects.
    **{
        f"{status} to {where}": Fault(replying(answer(status, b"", f"Location: {where}")))
        for status, where in [
            *((status, "/v1/elsewhere") for status in (301, 302, 303, 307, 308)),
            *((307, where) for where in ("http://[", "\xff\xfe", "//", "data:,x")),
        ]
    },
    "300": Fault(saying(b"{}", status=300)),
    "304": Fault(replying(answer(304))),
    # It is no JSON object, or not the one that was asked for.
    "204": Fault(replying(b"HTTP/1.1 204 No Content\r\n\r\n")),
    "205": Fault(replying(answer(205))),
    "HTML": Fault(saying(b"<html><title>Welcome</title></html>", "Content-Type: text/html")),
    **{
        f"the body {body[:24]!r}": Fault(saying(body))
        for body in (
            b"",
            b" ",
            b"null",
            b"[]",
            b'"text"',
            b"7",
            b"{}",
            b"{} {}",
            b"NaN",
            b'{"session_id": NaN}',
            b'{"session_id": -Infinity}',
            b'{"session_id": 1e400}',
            b'{"session_id": 1e999999999999999999999}',
            b'{"session_id": ' + b"9" * 5000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"session_id": "a", "session_id": "b"}',
            b"\xef\xbb\xbf{}",
            "{}".encode("utf-16"),
            b'{"session_id": "\xff"}',
            b'{"session_id": "\\ud800"}',
            b'{"session_id": "\\u0000"}',
            b"\x00",
        )
    },
    # It is an error that Redpin means.
    **{
        f"status {status}": Fault(saying(b'{"code": "X"}', status=status), error)
        for status, error in {
            400: InvalidRequestError,
            401: AuthenticationError,
            403: InvalidRequestError,
            404: NotFoundError,
            408: ServerError,
            409: ConflictError,
            422: InvalidRequestError,
            425: ServerError,
            429: RateLimitedError,
            500: ServerError,
            502: ServerError,
            503: ServerError,
            504: ServerError,
            599: ServerError,
            999: ServerError,
        }.items()
    },
    "an error that is HTML": Fault(saying(b"<html>", status=502), ServerError),
    "an error that is empty": Fault(saying(b"", status=400), InvalidRequestError),
    "an error of odd types": Fault(
        saying(b'{"code": [1e5], "description": {"a": null}, "field": true}', status=422),
        InvalidRequestError,
    ),
}

# Nothing of these gets as far as a request. They are played by a server without TLS, to a client
# that wants it.
UNSENT: Final[dict[str, Fault]] = {
    "reset before TLS": Fault(reset_unread, NotSent),
    "end before TLS": Fault(finish_unread, NotSent),
    "HTTP where TLS was wanted": Fault(speak_http, NotSent),
    "TLS that stalls": Fault(accept_and_stay_silent, NotSent, waits=True),
    "TLS that drips": Fault(
        lambda line: line.drip(itertools.chain([TLS_RECORD], itertools.repeat(b"\0"))),
        NotSent,
        waits=True,
    ),
}
