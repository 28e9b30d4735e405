"""Serves a WSGI application with waitress, in threads of this process, and drains without losing a request."""

from __future__ import annotations

import errno
import logging
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from pubsub_emulator.errors import AddressError
from pubsub_emulator.server.elastic_threads import ElasticThreads
from pubsub_emulator.server.limits import MAX_ANNOUNCED_BYTES, Channel, maintain
from pubsub_emulator.server.wsgi import WSGIApp

__all__ = ["Server"]

#: how long open requests may take once draining has begun, seconds
DRAIN_S = 10.0
#: draining ends after this long without an open request, seconds: a request sent before has arrived by then
QUIET_S = 0.05
#: how often connections are checked for timeouts, seconds
_CHECK_S = 1
#: the most connections at once; fewer where the system allows fewer open files
_MAX_CONNECTIONS = 4_000
#: open files besides connections: the store's, the libraries', and the standard streams
_OTHER_FILES = 124
#: the most requests served at once. A long poll holds a thread, and long polls may hold half of the threads: so 128
#: subscribers can wait on one laptop
THREADS = 256


class _Waitress(TcpWSGIServer):  # type: ignore[misc]
    """waitress with the limits of `limits.py`."""

    channel_class = Channel

    def maintenance(self, now: float) -> None:  # noqa: ARG002 - `maintain` reads the clocks itself
        """Close connections that timed out. waitress calls this once a second."""
        maintain(self, full=False)

    def readable(self) -> bool:
        """Whether to accept connections now. At the connection limit, the longest idle ones are closed to make room."""
        accepts = bool(super().readable())
        if self.in_connection_overflow:
            maintain(self, full=True)
        return accepts


class Server:
    """Serves a WSGI application at an address, from construction until `close`.

    Raises AddressError if the address is unknown, taken, or not allowed.
    """

    def __init__(self, app: WSGIApp, host: str = "127.0.0.1", port: int = 0, *, threads: int = THREADS) -> None:
        listener = _bind(host, port)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        # waitress warns when a request waits for a thread, and at the connection limit. Both are normal here.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        logging.getLogger("waitress").setLevel(logging.ERROR)
        pool = ElasticThreads(app, threads, self._grow)
        adjustments = Adjustments(
            sockets=[listener],
            threads=pool.threads,
            connection_limit=_connection_limit(),
            max_request_body_size=MAX_ANNOUNCED_BYTES,
            max_request_header_size=64 << 10,
            cleanup_interval=_CHECK_S,
            recv_bytes=256 << 10,
            # Bodies stay in memory: a temporary file for each large one would cost more.
            inbuf_overflow=MAX_ANNOUNCED_BYTES,
            outbuf_overflow=MAX_ANNOUNCED_BYTES,
            ident=None,
            # A proxy's X-Forwarded-Proto is kept: `page_guard` reads it.
            clear_untrusted_proxy_headers=False,
            expose_tracebacks=False,
            log_socket_errors=False,
            asyncore_use_poll=True,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(pool.threads)
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        self._waitress = _Waitress(
            pool, {}, _sock=listener, dispatcher=dispatcher, adj=adjustments, bind_socket=False, sockinfo=address
        )
        self._thread = threading.Thread(target=self._waitress.run, name="pubsub-server", daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float = DRAIN_S) -> bool:
        """Stop listening and wait for the open requests. Return False if some are still open after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        self._in_loop(self._stop_listening, timeout_s)
        # One more turn reads what clients accepted just now have sent. On a busy machine it may come later than QUIET_S.
        self._in_loop(lambda: None, deadline - time.monotonic())
        quiet_since = time.monotonic()
        while (now := time.monotonic()) < deadline:
            if self._busy():
                quiet_since = now
            elif now - quiet_since >= QUIET_S:
                return True
            time.sleep(0.005)
        return False

    def close(self) -> None:
        """Stop at once: connections are closed, and open requests get no response."""
        if not self._thread.is_alive():
            return
        self._waitress.task_dispatcher.shutdown(timeout=1)
        self._waitress.trigger.pull_trigger(self._close_all)
        self._thread.join()
        # Last: the worker threads and this one write to its pipe, and the system reuses a closed file's descriptor.
        self._waitress.trigger.close()

    def _grow(self, threads: int) -> None:
        """Set the number of waitress's worker threads."""
        self._waitress.task_dispatcher.set_thread_count(threads)

    def _busy(self) -> bool:
        """Whether a request is being received, is waiting for a thread or running, or its response is being sent."""
        return any(
            channel.request or channel.requests or channel.total_outbufs_len
            for channel in list(self._waitress.active_channels.values())
        )

    def _in_loop(self, work: Callable[[], None], timeout_s: float) -> None:
        """Do something in the thread of the event loop, and wait until it is done."""
        done = threading.Event()

        def do() -> None:
            work()
            done.set()

        self._waitress.trigger.pull_trigger(do)
        done.wait(timeout_s)

    def _stop_listening(self) -> None:
        # Accept clients that connected already: closing the listener would reset them, though their requests may be sent.
        while select.select([self._waitress.socket], [], [], 0)[0]:
            self._waitress.handle_accept()
        self._waitress.accepting = False
        self._waitress.del_channel()
        self._waitress.socket.close()

    def _close_all(self) -> None:
        channels = self._waitress._map  # noqa: SLF001 - waitress's close() leaves the connections open
        for channel in list(channels.values()):
            if channel is self._waitress:
                channel.socket.close()  # its close() would also close the pipe, to which other threads may be writing
            elif channel is not self._waitress.trigger:
                channel.close()
        channels.clear()  # ends waitress's loop


def _bind(host: str, port: int) -> socket.socket:
    try:
        [*found] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"unknown host {host}: {error}") from error
    # "localhost" is often both: all clients try IPv4.
    family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        # On Windows SO_REUSEADDR would let two programs share the port; elsewhere it only saves a wait after a restart.
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listen here, before waitress does: of two emulators that bind the same port, the second one fails here.
        listener.listen(1024)
    except OSError as error:
        listener.close()
        hint = (
            "; choose another one with --port 9000, or any free one with --port 0"
            if error.errno == errno.EADDRINUSE
            else ""
        )
        raise AddressError(f"cannot listen on {host} port {port}: {error.strerror}{hint}") from error
    return listener


def _connection_limit() -> int:
    """Raise the limit on open files if needed and allowed, and return how many connections fit in it."""
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
