"""The emulator's clock over HTTP: all that time travel needs of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from storefront.core.timetravel import RemoteClock


class SandboxClient:
    """Speaks to the sandbox's control API under its secret key."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["SandboxClock"]:
        """Give its clock; a journey asks it a few hundred times, over one connection."""
        async with aiohttp.ClientSession(headers=self._headers, raise_for_status=True) as session:
            yield SandboxClock(session, f"{self._url}/control/clock")


class SandboxClock:
    """The clock of a sandbox that one is connected to."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def read(self) -> RemoteClock:
        async with self._session.get(self._url) as response:
            found = await response.json()
        return RemoteClock(next_due_ms=found["next_due_ms"], is_idle=found["idle"])

    async def set(self, now_ms: int) -> None:
        async with self._session.post(self._url, json={"now_ms": now_ms}) as response:
            await response.read()
