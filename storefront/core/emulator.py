"""The emulator's clock over HTTP: all that time travel needs of it."""

import aiohttp

from storefront.core.timetravel import RemoteClock


class SandboxClient:
    """Speaks to the sandbox's control API under its secret key."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    async def clock(self) -> RemoteClock:
        async with (
            aiohttp.ClientSession(headers=self._headers, raise_for_status=True) as session,
            session.get(f"{self._url}/control/clock") as response,
        ):
            found = await response.json()
        return RemoteClock(next_due_ms=found["next_due_ms"], is_idle=found["idle"])

    async def set_clock(self, now_ms: int) -> None:
        async with (
            aiohttp.ClientSession(headers=self._headers, raise_for_status=True) as session,
            session.post(f"{self._url}/control/clock", json={"now_ms": now_ms}) as response,
        ):
            await response.read()
