"""A game server that runs what its players have bought, each command once, whatever kills it.

    STOREFRONT_KEY=sk_… python examples/game_server.py http://127.0.0.1:8080 survival world.journal

The journal is the world: one line per command that took effect, written and forced to the disk before it is
acknowledged. An effect and the id of its command are one line, so there is never one without the other; a server that
dies and starts again reads what it has done, and does nothing twice. See docs/delivery.md.
"""

import asyncio
import json
import os
import secrets
import sys
from pathlib import Path

from storefront_sdk import Delivery, StorefrontClient


class World:
    """What has happened in this world; the first line of its file names the lease that this server asks under."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.seek(0)
        lines = self._file.read().split(b"\n")
        self._file.truncate(sum(len(line) + 1 for line in lines[:-1]))  # the last line was cut off, or is empty
        known = [json.loads(line) for line in lines[:-1]]
        self.lease = known[0]["lease"] if known else secrets.token_urlsafe(24)
        if not known:
            self._write({"lease": self.lease})
        self._done = {one["id"] for one in known[1:]}

    def run(self, delivery: Delivery) -> None:
        """Let a command take effect, once by its id."""
        if delivery.id in self._done:
            return
        self._write({"id": delivery.id, "player": delivery.player, "command": delivery.command})
        self._done.add(delivery.id)
        print(delivery.command, flush=True)

    def online(self) -> set[str]:
        """Return who is online; a real server asks its game."""
        return set(os.environ.get("ONLINE", "").split())

    def _write(self, line: dict[str, str]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


async def main(url: str, server: str, journal: Path) -> None:
    world = World(journal)

    async def run(delivery: Delivery) -> None:
        world.run(delivery)

    async with StorefrontClient(url, key=os.environ.get("STOREFRONT_KEY", "sk_sandbox_demo")) as shop:
        await shop.deliveries.follow(server, run, lease=world.lease, online=world.online)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
