"""The blocking facade: the same methods, run on a loop of its own in a thread. Nothing is written twice."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from storefront_sdk.client import StorefrontClient

T = TypeVar("T")


class _Loop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="storefront-sdk", daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self.loop).result()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class _Blocking:
    """Wraps an object: its coroutine methods block, its parts are wrapped too."""

    def __init__(self, wrapped: Any, loop: _Loop) -> None:
        self._wrapped = wrapped
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if callable(found):
            return self._blocking(found)
        return _Blocking(found, self._loop)

    def _blocking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            if isinstance(result, AsyncIterator):
                return self._iterate(result)
            return self._loop.run(result)

        return call

    def _iterate(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._loop.run(anext(items))
            except StopAsyncIteration:
                return


class BlockingStorefront(_Blocking):
    """``with BlockingStorefront(url, token=…) as shop: shop.purchase("sword-of-dawn")``.

    Takes the arguments and has the methods of ``StorefrontClient``, without ``await``.
    """

    def __init__(self, base_url: str, **options: Any) -> None:
        loop = _Loop()
        try:
            client = StorefrontClient(base_url, **options)
        except BaseException:
            loop.close()
            raise
        super().__init__(client, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the thread."""
        self._loop.run(self._wrapped.close())
        self._loop.close()
