"""How background work that has fallen behind catches up: in short stints, between which requests come first.

A shop that was moved, imported or upgraded has millions of events that a follower has never seen. On SQLite
reads do not wait, so a follower that went through them in one go would hold up every purchase meanwhile.
"""

import asyncio
import time

STINT_SECONDS = 0.002
RESTS_PER_STINT = 3
LONGEST_REST_SECONDS = 0.01
"""Also in a busy shop, where a stint looks long because others worked in it, the work gets on."""


class Pace:
    """The pace of one piece of work: it takes breath after each stint, for three times as long as it worked."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def take_breath(self) -> None:
        """Let others work, if it has been a stint since the last breath; cheap to call after each small thing."""
        worked = time.perf_counter() - self._began
        if worked >= STINT_SECONDS:
            await asyncio.sleep(min(worked * RESTS_PER_STINT, LONGEST_REST_SECONDS))
            self._began = time.perf_counter()
