"""A value that must not be seen by accident: in logs, in tracebacks, in a printed configuration."""

import hmac
from typing import Generic, TypeVar

T = TypeVar("T")

_MASK = "Secret(***)"


class Secret(Generic[T]):
    """Holds a key or password; every way of printing it shows a mask, only ``reveal()`` gives it out."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The bare value: pass it straight to what needs it, keep it in no variable that may be logged."""
        return self._value

    def __repr__(self) -> str:
        return _MASK

    def __str__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = self._value, other._value
        if isinstance(mine, str) and isinstance(theirs, str):
            # In constant time, so that nobody can measure their way to a key.
            return hmac.compare_digest(mine.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))
        return bool(mine == theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written to files or sent to other processes")

    def __copy__(self) -> "Secret[T]":
        return self

    def __deepcopy__(self, memo: object) -> "Secret[T]":
        return self
