"""Counts that fade, of any number of things in a fixed space.

A count-min sketch with conservative update: what it tells is never below the truth, and is above it only where things
share all of their cells. Older counts weigh less by a half-life, without touching a cell before it is needed: what is
added weighs more and more instead (forward decay).

Source: Cormode and Muthukrishnan, "An improved data stream summary: the count-min sketch and its applications", 2005;
Estan and Varghese, "New directions in traffic measurement and accounting", 2002 (conservative update); Cormode,
Shkapenyuk, Srivastava and Xu, "Forward decay", 2009.
"""

from collections.abc import Sequence
from hashlib import blake2b

WIDTH, DEPTH = 2048, 3
_MASK, _BITS = WIDTH - 1, WIDTH.bit_length() - 1
_MOST_HALVINGS = 500


def token_of(text: str, salt: bytes) -> int:
    """Return 64 bits for a text. The salt keeps strangers from choosing texts that share cells, or undoing it."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=salt).digest())


class Sketch:
    """Fading counts by token; ``half_life`` in ms."""

    __slots__ = ("cells", "epoch", "half_life", "latest")

    def __init__(self, half_life: int, *, epoch: int = 0, cells: Sequence[float] | None = None) -> None:
        self.half_life = half_life
        self.epoch = self.latest = epoch
        self.cells = [0.0] * (WIDTH * DEPTH) if cells is None else list(cells)

    def read(self, token: int, at: int) -> float:
        """Return what was counted of a token, faded until ``at``, or until the latest that was."""
        first, second, third = _places(token)
        least = min(self.cells[first], self.cells[second], self.cells[third])
        return least * 2.0 ** ((self.epoch - max(at, self.latest)) / self.half_life) if least else 0.0

    def add(self, token: int, at: int, weight: float = 1.0) -> None:
        """Count once more; something that comes late counts as what it would have faded to."""
        if at - self.epoch > _MOST_HALVINGS * self.half_life:
            self._begin_anew(at)
        self.latest = max(at, self.latest)
        places, cells = _places(token), self.cells
        most = min(cells[places[0]], cells[places[1]], cells[places[2]]) + weight * 2.0 ** (
            (at - self.epoch) / self.half_life
        )
        for place in places:
            cells[place] = max(cells[place], most)

    def _begin_anew(self, at: int) -> None:
        """Count from a new beginning, so that weights stay numbers."""
        halvings = (self.epoch - at) / self.half_life
        factor = 2.0**halvings if halvings > -1000 else 0.0
        self.cells = [value * factor if value * factor > 1e-9 else 0.0 for value in self.cells]
        self.epoch = at


def _places(token: int) -> tuple[int, int, int]:
    return token & _MASK, WIDTH + (token >> _BITS & _MASK), 2 * WIDTH + (token >> 2 * _BITS & _MASK)
