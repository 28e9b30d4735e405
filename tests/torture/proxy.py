"""A proxy before the functions that spreads requests over them, and does to messages whatever a network may.

It drops, delays, doubles and cuts requests and answers. What it does to which message is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

from torture.messages import read_message

__all__ = ["Proxy"]

#: of all exchanges, the part that something happens to
_FAULTY = 0.1
#: what may happen, and how often compared with the others
_FAULTS = {
    "request lost": 2,
    "request delayed": 2,
    "request doubled": 3,
    "connection cut in a request": 2,
    "answer lost": 4,
    "answer delayed": 2,
    "answer doubled": 1,
    "connection cut in an answer": 2,
}
_DELAY_S = (0.1, 1.5)
#: a lost message is waited for until the other side hangs up, at most so long
_SILENCE_S = 25.0
_LIMIT = 16 * 1024 * 1024


class Proxy:
    """Serves at `url` within the ``with``.

    Args:
        ports: tells the ports of the functions that are there
        seed: what happens to which message
        counts: where each fault is counted, by its name
    """

    def __init__(self, ports: Callable[[], Sequence[int]], seed: int, counts: Counter[str]) -> None:
        self._ports = ports
        self._random = random.Random(seed)
        self._counts = counts
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        #: from now on every message passes as it is
        self.calm = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.url = ""

    def __enter__(self) -> Proxy:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LIMIT), self._loop
        )
        self._server = starting.result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, until something cuts it."""
        try:
            while (request := await read_message(reader)) is not None:
                if not await self._exchange(request, reader, writer):
                    return
        except ConnectionError:
            pass  # the client is gone, or was killed
        finally:
            writer.close()

    async def _exchange(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass a request on and its answer back; says whether the connection goes on."""
        fault = self._draw()
        if fault == "request lost":
            await _until_gone(reader)
            return False
        if fault == "request delayed":
            await asyncio.sleep(self._random.uniform(*_DELAY_S))
        elif fault == "request doubled":
            self._keep(asyncio.ensure_future(self._double(request)))
        elif fault == "connection cut in a request":
            await self._ask(request[: self._random.randrange(len(request))], whole=False)
            return False
        answer = await self._ask(request)
        if answer is None:
            return False
        return await self._answer(fault, answer, reader, writer)

    async def _answer(
        self, fault: str | None, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if fault == "answer lost":
            await _until_gone(reader)
            return False
        if fault == "answer delayed":
            await asyncio.sleep(self._random.uniform(*_DELAY_S))
        elif fault == "connection cut in an answer":
            answer = answer[: self._random.randrange(len(answer))]
        elif fault == "answer doubled":
            # said to be the last one on its connection: no client could tell it from the answer to its next request
            answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + answer
        writer.write(answer)
        await writer.drain()
        return fault not in {"answer doubled", "connection cut in an answer"}

    async def _double(self, request: bytes) -> None:
        """The same request once more, later, perhaps to another process; its answer goes nowhere."""
        await asyncio.sleep(self._random.uniform(0, _DELAY_S[1]))
        await self._ask(request)

    async def _ask(self, request: bytes, *, whole: bool = True) -> bytes | None:
        """Send a request to one of the functions and read its answer; None if there is none, as for half a request."""
        ports = list(self._ports())
        self._random.shuffle(ports)
        for port in ports:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LIMIT)
            except OSError:
                continue  # killed, and not yet back: another one
            try:
                writer.write(request)
                await writer.drain()
                return await asyncio.wait_for(read_message(reader), _SILENCE_S) if whole else None
            except (OSError, asyncio.TimeoutError):
                return None
            finally:
                writer.close()
        await asyncio.sleep(0.1)
        return None

    def _draw(self) -> str | None:
        if self.calm or self._random.random() >= _FAULTY:
            return None
        [fault] = self._random.choices(list(_FAULTS), list(_FAULTS.values()))
        self._counts[fault] += 1
        return fault

    def _keep(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)  # type: ignore[arg-type]
        task.add_done_callback(self._tasks.discard)  # type: ignore[arg-type]


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Say nothing until the client has hung up."""
    with suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(reader.read(1), _SILENCE_S)
