"""Serving the functions: waitress in threads of this process, and an end that loses no request."""

from __future__ import annotations

import errno
import logging
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from pubsub_emulator.errors import AddressError
from pubsub_emulator.server.elastic_threads import ElasticThreads
from pubsub_emulator.server.limits import MAX_ANNOUNCED_BYTES, Channel, maintain
from pubsub_emulator.server.router import WSGIApp

if TYPE_CHECKING:
    pass

__all__ = ["Server"]

#: how long requests under way may take once the end has come
DRAIN_S = 10.0
#: after this long without a request the end has come: one that was sent before it has arrived by then
QUIET_S = 0.05
#: how often connections are looked through, seconds
_LOOK_S = 1
#: connections at once, at most; fewer where the system allows fewer open files
_MAX_CONNECTIONS = 4_000
#: open files that are no connections: of the store, of the libraries, standard ones
_OTHER_FILES = 124
#: requests served at once, at most. A long poll holds a thread, and half of them may: so 128 subscribers wait on one laptop
THREADS = 256


class _Waitress(TcpWSGIServer):  # type: ignore[misc]
    """waitress with our limits; see `limits`."""

    channel_class = Channel

    def maintenance(self, now: float) -> None:  # noqa: ARG002 - ours has a clock that nobody sets
        """Look through the connections, once a second."""
        maintain(self, full=False)

    def readable(self) -> bool:
        """Whether connections are to be taken now. When there are too many, those that wait longest make room."""
        accepts = bool(super().readable())
        if self.in_connection_overflow:
            maintain(self, full=True)
        return accepts


class Server:
    """A WSGI application served at an address, from construction until `close`.

    Raises AddressError if the address is unknown, taken, or not allowed.
    """

    def __init__(self, app: WSGIApp, host: str = "127.0.0.1", port: int = 0, *, threads: int = THREADS) -> None:
        listener = _bind(host, port)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        # a queue is no news: so many requests are served, the next one waits; nor is it that idle connections make room
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        logging.getLogger("waitress").setLevel(logging.ERROR)
        crew = ElasticThreads(app, threads, self._grow)
        adjustments = Adjustments(
            sockets=[listener],
            threads=crew.threads,
            connection_limit=_connection_limit(),
            max_request_body_size=MAX_ANNOUNCED_BYTES,
            max_request_header_size=64 << 10,
            cleanup_interval=_LOOK_S,
            recv_bytes=256 << 10,
            # bodies stay in memory: a temporary file for each large one costs more
            inbuf_overflow=MAX_ANNOUNCED_BYTES,
            outbuf_overflow=MAX_ANNOUNCED_BYTES,
            ident=None,
            expose_tracebacks=False,
            log_socket_errors=False,
            asyncore_use_poll=True,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(crew.threads)
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        self._waitress = _Waitress(
            crew, {}, _sock=listener, dispatcher=dispatcher, adj=adjustments, bind_socket=False, sockinfo=address
        )
        self._thread = threading.Thread(target=self._waitress.run, name="pubsub-server", daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float = DRAIN_S) -> bool:
        """Take no new connections, wait for the requests under way; False if some are left unanswered."""
        self._waitress.trigger.pull_trigger(self._stop_listening)
        quiet_since = time.monotonic()
        deadline = quiet_since + timeout_s
        while (now := time.monotonic()) < deadline:
            if self._busy():
                quiet_since = now
            elif now - quiet_since >= QUIET_S:
                return True
            time.sleep(0.005)
        return False

    def close(self) -> None:
        """End at once: connections are cut, requests under way get no answer."""
        if not self._thread.is_alive():
            return
        self._waitress.task_dispatcher.shutdown(timeout=1)
        self._waitress.trigger.pull_trigger(self._close_all)
        self._thread.join()
        # last: workers and we write into its pipe, and the number of a closed file is soon another file's
        self._waitress.trigger.close()

    def _grow(self, threads: int) -> None:
        """Have so many threads from now on."""
        self._waitress.task_dispatcher.set_thread_count(threads)

    def _busy(self) -> bool:
        """Whether a request is arriving, being worked on, waiting for a thread, or being answered."""
        return any(
            channel.request or channel.requests or channel.total_outbufs_len
            for channel in list(self._waitress.active_channels.values())
        )

    def _stop_listening(self) -> None:
        # whoever has connected has perhaps sent its request: it would be reset with the listener
        while select.select([self._waitress.socket], [], [], 0)[0]:
            self._waitress.handle_accept()
        self._waitress.accepting = False
        self._waitress.del_channel()
        self._waitress.socket.close()

    def _close_all(self) -> None:
        channels = self._waitress._map  # noqa: SLF001 - its own close() leaves the connections open
        for channel in list(channels.values()):
            if channel is self._waitress:
                channel.socket.close()  # its own close() would close the pipe too, into which others may just be writing
            elif channel is not self._waitress.trigger:
                channel.close()
        channels.clear()  # which ends the loop


def _bind(host: str, port: int) -> socket.socket:
    try:
        [*found] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"unknown host {host}: {error}") from error
    # "localhost" is often both: the older kind is the one that all clients try
    family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        # on Windows it would let two programs share the port; elsewhere it only spares a wait after a restart
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # now, not when waitress does it: of two emulators one gets the port, and the other is told here
        listener.listen(1024)
    except OSError as error:
        listener.close()
        hint = "; --port 9000 takes another one, --port 0 any that is free" if error.errno == errno.EADDRINUSE else ""
        raise AddressError(f"cannot listen on {host} port {port}: {error.strerror}{hint}") from error
    return listener


def _connection_limit() -> int:
    """How many connections fit the open files that this process may have, after it asked for as many as it can use."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        _MAX_CONNECTIONS
        if soft == resource.RLIM_INFINITY
        else max(_OTHER_FILES, min(_MAX_CONNECTIONS, soft - _OTHER_FILES))
    )
