"""Parameters as declarations: each operation states a table, one function checks against it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from storefront.sandbox.errors import ApiError, invalid, not_emulated
from storefront.sandbox.forms import Tree

Checked = dict[str, Any]

_INTEGER = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
MAX_METADATA_KEYS = 50


class Kind(Protocol):
    """How one parameter's text is read; the answer is what the operation gets."""

    def read(self, raw: Tree | str, name: str) -> Any:
        """Turn the raw value at ``name`` into a typed one, or raise ``ApiError``."""
        ...


@dataclass(frozen=True, slots=True)
class Required:
    """Marks a parameter that must be present."""

    kind: Kind


Table = Mapping[str, Kind | Required]


def check(table: Table, raw: Tree, prefix: str = "") -> Checked:
    """Read all parameters of one level, refusing unknown and missing ones.

    Raises:
        ApiError: 400 with Stripe's code (``parameter_unknown``, ``parameter_missing``, …) and ``param``.
    """
    unknown = [_name(prefix, key) for key in raw if key not in table]
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        raise invalid(f"Received unknown {noun}: {', '.join(unknown)}", param=unknown[0], code="parameter_unknown")
    checked: Checked = {}
    for key, declared in table.items():
        name = _name(prefix, key)
        kind = declared.kind if isinstance(declared, Required) else declared
        if key in raw:
            checked[key] = kind.read(raw[key], name)
        elif isinstance(declared, Required):
            raise missing(name)
    return checked


def missing(name: str) -> ApiError:
    """The refusal of a request that lacks ``name``."""
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def _name(prefix: str, key: str) -> str:
    return f"{prefix}[{key}]" if prefix else key


def _text(raw: Tree | str, name: str) -> str:
    if not isinstance(raw, str):
        raise invalid(f"Invalid string: {name} must be a string", param=name)
    return raw


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most ``at_most`` characters; an empty one unsets it where ``clearable``."""

    at_most: int = 5_000
    clearable: bool = False

    def read(self, raw: Tree | str, name: str) -> str | None:
        text = _text(raw, name)
        if text == "":
            if self.clearable:
                return None
            raise invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
                "supply a non-empty value.",
                param=name,
                code="parameter_invalid_empty",
            )
        if len(text) > self.at_most:
            shown = f"{text[:10]}...{text[-5:]}"
            raise invalid(f"Invalid string: {shown}; must be at most {self.at_most} characters", param=name)
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: Sequence[str]

    def read(self, raw: Tree | str, name: str) -> str:
        text = _text(raw, name)
        if text not in self.words:
            listed = f"one of {', '.join(self.words[:-1])}, or {self.words[-1]}" if self.words[1:] else self.words[0]
            raise invalid(f"Invalid {name}: must be {listed}", param=name)
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in decimal digits; amounts are minor units, times Unix seconds."""

    least: int | None = None
    most: int | None = None

    def read(self, raw: Tree | str, name: str) -> int:
        if not isinstance(raw, str) or not _INTEGER.match(raw):
            raise invalid(f"Invalid integer: {_shown(raw)}", param=name, code="parameter_invalid_integer")
        value = int(raw)
        if self.least is not None and value < self.least:
            message = f"This value must be greater than or equal to {self.least}."
            raise invalid(message, param=name, code="parameter_invalid_integer")
        if self.most is not None and value > self.most:
            message = f"This value must be less than or equal to {self.most}."
            raise invalid(message, param=name, code="parameter_invalid_integer")
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``."""

    def read(self, raw: Tree | str, name: str) -> bool:
        if raw not in ("true", "false"):
            raise invalid(f"Invalid boolean: {_shown(raw)}", param=name)
        return raw == "true"


@dataclass(frozen=True, slots=True)
class Email:
    """Something with one @ and a dot after it."""

    clearable: bool = False

    def read(self, raw: Tree | str, name: str) -> str | None:
        text = Text(512, clearable=self.clearable).read(raw, name)
        if text is not None and not _EMAIL.match(text):
            raise invalid(f"Invalid email address: {text}", param=name, code="email_invalid")
        return text


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https address."""

    def read(self, raw: Tree | str, name: str) -> str:
        text = _text(raw, name)
        try:
            parts = urlsplit(text)
            port_is_sound = parts.port is None or parts.port > 0
        except ValueError:
            port_is_sound = False
        if not port_is_sound or parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
            raise invalid("Not a valid URL", param=name, code="url_invalid")
        if len(text) > 5_000:
            raise invalid("Invalid URL: must be at most 5000 characters", param=name)
        return text


@dataclass(frozen=True, slots=True)
class Metadata:
    """Up to 50 keys of 40 characters to values of 500; an empty value, or "" for all, unsets."""

    def read(self, raw: Tree | str, name: str) -> dict[str, str] | None:
        if raw == "":
            return None
        if isinstance(raw, str):
            raise invalid("Invalid object", param=name)
        if len(raw) > MAX_METADATA_KEYS:
            raise invalid(f"Metadata can have at most {MAX_METADATA_KEYS} keys", param=name)
        for key, value in raw.items():
            if len(key) > 40:
                raise invalid(f"Metadata keys must be at most 40 characters: {key[:40]}", param=name)
            if not isinstance(value, str):
                raise invalid("Metadata values must be strings", param=f"{name}[{key}]")
            if len(value) > 500:
                raise invalid("Metadata values can have up to 500 characters", param=f"{name}[{key}]")
        return {key: str(value) for key, value in raw.items()}


@dataclass(frozen=True, slots=True)
class Object:
    """A nested table of parameters."""

    members: Table
    clearable: bool = False

    def read(self, raw: Tree | str, name: str) -> Checked | None:
        if raw == "" and self.clearable:
            return None
        if isinstance(raw, str):
            raise invalid("Invalid object", param=name)
        return check(self.members, raw, name)


@dataclass(frozen=True, slots=True)
class Each:
    """A list; positions must be 0, 1, 2, … without a gap."""

    kind: Kind
    at_most: int = 100

    def read(self, raw: Tree | str, name: str) -> list[Any]:
        if raw == "":
            return []
        if isinstance(raw, str) or list(raw) != [str(index) for index in range(len(raw))]:
            raise invalid("Invalid array", param=name)
        if len(raw) > self.at_most:
            raise invalid(f"Array must have at most {self.at_most} elements", param=name)
        return [self.kind.read(value, f"{name}[{index}]") for index, value in raw.items()]


@dataclass(frozen=True, slots=True)
class When:
    """A time: one Unix second, or bounds ``gt gte lt lte``; read as those bounds."""

    def read(self, raw: Tree | str, name: str) -> dict[str, int]:
        if isinstance(raw, str):
            exact = Integer().read(raw, name)
            return {"gte": exact, "lte": exact}
        return check(dict.fromkeys(("gt", "gte", "lt", "lte"), Integer()), raw, name)


@dataclass(frozen=True, slots=True)
class Refused:
    """A name that Stripe once took and now refuses with a code of its own."""

    code: str
    message: str

    def read(self, raw: Tree | str, name: str) -> Any:
        raise invalid(self.message, param=name, code=self.code)


@dataclass(frozen=True, slots=True)
class NotEmulated:
    """A name that Stripe takes and this emulator does not play, except for values that change nothing."""

    harmless: tuple[Tree | str, ...] = field(default=())

    def read(self, raw: Tree | str, name: str) -> Any:
        if raw in self.harmless:
            return None
        raise not_emulated(name)


def _shown(raw: Tree | str) -> str:
    return raw[:60] if isinstance(raw, str) else "an object"


def words(text: str) -> tuple[str, ...]:
    """The words of a text: how long lists of names are written here."""
    return tuple(text.split())


def not_emulated_names(*names: str) -> dict[str, Kind]:
    """Table rows for names of the real API that are refused by name."""
    return dict.fromkeys(names, NotEmulated())


NO_METHOD_TYPES = Refused(
    "payment_method_types_no_longer_supported",
    "The parameter `payment_method_types` is no longer supported. Use dynamic payment methods, "
    "`allowed_payment_method_types` or `excluded_payment_method_types` instead.",
)
EXPAND: Table = {"expand": Each(Text(200), at_most=20)}
PAGE: Table = {
    "limit": Integer(1, 100),
    "starting_after": Text(),
    "ending_before": Text(),
    **EXPAND,
}
