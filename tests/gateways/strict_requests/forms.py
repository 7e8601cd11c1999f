"""Form bodies and queries in Stripe's bracket notation (``a[b][0]=c``), as trees."""

import re
from typing import Any
from urllib.parse import parse_qsl

_KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")


class NotAForm(Exception):
    """What was sent cannot be read; the message says why."""


def decode(text: str) -> dict[str, Any]:
    """Read a form; lists come back as lists. Raises ``NotAForm``."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8"):
        if _KEY.fullmatch(key) is None:
            raise NotAForm(f"{key!r} is no name of a parameter")
        steps = [key.partition("[")[0], *re.findall(r"\[([^\[\]]*)\]", key)]
        place = tree
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise NotAForm(f"{key!r} is both a value and a hash")
        if steps[-1] in place:
            raise NotAForm(f"{key!r} is there twice")
        place[steps[-1]] = value
    return {name: _with_lists(value, name) for name, value in tree.items()}


def _with_lists(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    if all(step.isdigit() for step in value):
        if list(value) != [str(index) for index in range(len(value))]:
            raise NotAForm(f"{name}: the places of the array are {', '.join(value)}")
        return [_with_lists(item, name) for item in value.values()]
    return {step: _with_lists(item, f"{name}[{step}]") for step, item in value.items()}
