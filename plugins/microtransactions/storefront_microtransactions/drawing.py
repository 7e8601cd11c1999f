"""Drawing from a weighted table: fair, exact, and the same for everybody who computes it again.

Everything a draw depends on is published, the secret seed once it is used:

- The **commitment**, shown beforehand, is the SHA-256 of the 32 bytes of the seed, in hex.
- **Block** ``i`` of an opening is ``HMAC-SHA256(key = the 32 bytes of the seed, message = client_seed + "|" + number
  + "|" + i)``: the message is UTF-8, ``number`` (of the opening) and ``i`` are decimal, ``i`` starts at 0.
- The first 4 bytes of a block, big-endian, are a number ``x`` below 2^32. With ``W`` the sum of the weights in the
  table, an ``x`` at or above ``2^32 - 2^32 mod W`` is thrown away, so that no drop is favoured; else the draw is
  ``x mod W``: the first drop whose weight, added to those of the drops before it, is more than that.
- Each block is used once; the next draw of the same opening takes the next block.
- With ``max_repeats`` ``n``, a drop that has come up in the last ``n`` draws of this customer and container is left out
  of the table of the next one.

``docs/verify_draw.py`` is the same in forty lines, for strangers. Pure: no clock, no randomness.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class Run:
    """Which drop came up last, by what it gives (``key``), and how many times in a row."""

    key: str | None = None
    times: int = 0

    def after(self, key: str) -> "Run":
        return Run(key, self.times + 1 if key == self.key else 1)


@dataclass(frozen=True, slots=True)
class Table:
    """What is drawn from: weights and keys of the drops in their order, how often, and when a drop is left out."""

    weights: tuple[int, ...]
    keys: tuple[str, ...]
    draws: int = 1
    max_repeats: int | None = None

    def left_out(self, run: Run) -> int | None:
        """Return which drop the next draw leaves out, or None."""
        if self.max_repeats is None or run.times < self.max_repeats or run.key not in self.keys:
            return None
        return self.keys.index(run.key)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw: the place of the drop in the table, and of the one that was left out."""

    drop: int
    left_out: int | None = None


def commitment_of(seed: bytes) -> str:
    """Return what is shown of a seed before it is used."""
    return hashlib.sha256(seed).hexdigest()


def draw(seed: bytes, client_seed: str, number: int, table: Table, run: Run) -> tuple[list[Drawn], Run]:
    """Return what comes out of opening ``number``, and the run that it leaves behind."""
    numbers = _numbers(seed, client_seed, number)
    found = []
    for _ in range(table.draws):
        left_out = table.left_out(run)
        weights = [0 if at == left_out else weight for at, weight in enumerate(table.weights)]
        drop = pick(numbers, weights)
        found.append(Drawn(drop, left_out))
        run = run.after(table.keys[drop])
    return found, run


def pick(numbers: Iterator[int], weights: Sequence[int]) -> int:
    """Return the place that the next usable of some numbers below 2^32 falls on."""
    whole = sum(weights)
    limit = SPACE - SPACE % whole
    point = next(x for x in numbers if x < limit) % whole
    for at, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return at
    raise AssertionError("a point lies below the sum of the weights")


def _numbers(seed: bytes, client_seed: str, number: int) -> Iterator[int]:
    block = 0
    while True:
        message = f"{client_seed}|{number}|{block}".encode()
        yield int.from_bytes(hmac.digest(seed, message, "sha256")[:4], "big")
        block += 1
