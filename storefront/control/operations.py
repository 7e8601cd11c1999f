"""What an operation is: a name, arguments and an answer, all of them JSON."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Answer = dict[str, Any]
Operation = Callable[[Mapping[str, Any]], Awaitable[Answer]]
