"""A store between the caller and the real one that loses answers."""

from __future__ import annotations

from collections.abc import Sequence

from pubsubservice.storage.port import Fields, Page, Reads, Store, Unknown

__all__ = ["LosesAnswers"]


class LosesAnswers:
    """Does what it is asked and then raises Unknown, or with `applies` off raises it and does nothing."""

    def __init__(self, inner: Store, *, applies: bool) -> None:
        self._inner = inner
        self._applies = applies

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        return self._inner.get_many(paths, fields)

    def create(self, path: str, data: Fields) -> int:
        if self._applies:
            self._inner.create(path, data)
        raise Unknown("the answer was lost")

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        if self._applies:
            self._inner.update(path, data, if_update_time)
        raise Unknown("the answer was lost")

    def remove(self, path: str, if_update_time: int) -> None:
        if self._applies:
            self._inner.remove(path, if_update_time)
        raise Unknown("the answer was lost")

    def delete(self, paths: Sequence[str]) -> None:
        if self._applies:
            self._inner.delete(paths)
        raise Unknown("the answer was lost")

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        return self._inner.list(collection, after, limit, fields)

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        return self._inner.wait_for(paths, timeout_s)

    def end_waits(self) -> None:
        self._inner.end_waits()

    def close(self) -> None:
        self._inner.close()
