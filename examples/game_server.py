"""A game server that runs what its players have bought, each command once, whatever kills it.

It needs the Python SDK beside Python 3.11, a shop that runs, and a server key of the scope microtransactions:deliver
(a sandbox's sk_sandbox_demo is one):

    pip install ./sdk/python
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
from collections.abc import Sequence
from pathlib import Path

from storefront_sdk import Delivery, Forbidden, StorefrontClient, StorefrontError, Unauthorized

USAGE = "STOREFRONT_KEY=sk_… python examples/game_server.py http://127.0.0.1:8080 survival world.journal"


class World:
    """What has happened in this world; the first line of its file names the lease that this server asks under."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.seek(0)
        lines = self._file.read().split(b"\n")
        self._file.truncate(sum(len(line) + 1 for line in lines[:-1]))  # the last line was cut off, or is empty
        known = [json.loads(line) for line in lines[:-1]]
        if known and "lease" not in known[0]:
            raise ValueError(f"{path} is not a journal of this program")
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

    def away(error: StorefrontError) -> None:
        print(f"The shop is away, asking again: {error.detail}", file=sys.stderr, flush=True)

    async with StorefrontClient(url, key=os.environ.get("STOREFRONT_KEY", "sk_sandbox_demo")) as shop:
        await shop.deliveries.follow(server, run, lease=world.lease, online=world.online, away=away)


def start(arguments: Sequence[str]) -> str:
    """Run until it is stopped, and return why that was, for people."""
    if len(arguments) != 3:
        return f"Say the shop's address, this server's name, and a file: {USAGE}"
    url, server, journal = arguments
    why = "Ended."
    try:
        asyncio.run(main(url, server, Path(journal)))
    except (Unauthorized, Forbidden) as error:
        why = f"{url} does not take this key: {error.detail}\nSet STOREFRONT_KEY to a server key that may deliver."
    except StorefrontError as error:
        why = f"{url} does not answer as a shop with deliveries: {error.detail}"
    except ValueError as error:  # an address that is none, or a journal that another program wrote
        why = f"That cannot be used: {error}"
    except OSError as error:
        why = f"The journal cannot be written: {error}"
    except KeyboardInterrupt:
        why = "Stopped."
    return why


if __name__ == "__main__":
    sys.exit(start(sys.argv[1:]))
