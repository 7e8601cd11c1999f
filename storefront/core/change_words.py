"""Values of a catalog in words, for people who compare two of them: no JSON, amounts with their units, times in UTC."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from storefront.core.catalog import Catalog
from storefront.core.config.currencies import real_currencies
from storefront.core.config.model_usage import MICRO, show_decimal

Pair = tuple[str, str | None, str | None]
"""What differs, what it was, and what it becomes; None: it is not there."""

_TEXTS: Final = frozenset({"title", "description", "badge", "label", "name"})
_MICROS: Final = frozenset({"price", "flat", "up_to", "package", "included"})
"""Of usage: counted in millionths."""

_PLAIN: Final = frozenset({"gives", "instead", "weight", "worth", "to"})
"""Keys that read well before their value without a colon."""

_EVER: Final = "at any time"


def show(amount: int, code: str, catalog: Catalog) -> str:
    """Write an amount with its unit: ``4.99 USD``, ``120 gems``."""
    virtual = catalog.assets.get(code)
    exponent = real_currencies().get(code, 0) if virtual is None else virtual.exponent
    return f"{Decimal(amount).scaleb(-exponent):f} {code}"


class Words:
    """Words values of one catalog; ``about`` is what they are of (``offer``, ``usage``, …)."""

    def __init__(self, catalog: Catalog, about: str) -> None:
        self._catalog = catalog
        self._about = about

    def differences(self, key: str, before: object, after: object) -> Iterator[Pair]:
        """Say what differs of one key: of tables and of mappings of lists line by line, else as a whole."""
        name = _spoken(key)
        if _is_table(before) or _is_table(after):
            yield from paired(name, self._chances(before), self._chances(after))
        elif _holds_lists(before) or _holds_lists(after):
            old, new = before if isinstance(before, Mapping) else {}, after if isinstance(after, Mapping) else {}
            yield from paired(name, self._parts(old), self._parts(new))
        else:
            yield name, self.of(key, before), self.of(key, after)

    def of(self, key: str, value: object) -> str | None:
        """Word the value of a key; None of what is not there."""
        if key == "available" and isinstance(value, Mapping):
            return _window(value) or _EVER
        if value in (None, (), [], {}, ""):
            return None
        if isinstance(value, Mapping):
            return self._mapping(key, value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            parts = [self.of(key, one) or "" for one in value]
            return ("; " if any(isinstance(one, Mapping) for one in value) else ", ").join(parts)
        return self._scalar(key, value)

    def _scalar(self, key: str, value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int) and self._about == "usage" and key in _MICROS:
            return show_decimal(value, len(str(MICRO)) - 1)
        return _moment(value) if isinstance(value, str) else str(value)

    def _mapping(self, key: str, value: Mapping[str, Any]) -> str:
        if key in _TEXTS:
            return ", ".join(f"{text} ({language})" for language, text in value.items())
        if {"from_", "until"} & set(value) and not set(value) - {"from_", "until"}:
            return _window(value) or _EVER
        if all(type(amount) is int for amount in value.values()) and all(map(self._is_counted, value)):
            return ", ".join(self._amount(name, amount) for name, amount in value.items())
        rest = dict(value)
        if isinstance(sku := rest.pop("sku", None), str):
            rest = {f"{rest.pop('quantity', 1)} × {sku}": True, **rest}
        return ", ".join(filter(None, (self._member(name, inner) for name, inner in rest.items())))

    def _member(self, name: str, value: object) -> str:
        said = self.of(name, value)
        if said is None or value is True:
            return "" if said is None else _spoken(name)
        return f"{_spoken(name)} {said}" if name in _PLAIN else f"{_spoken(name)}: {said}"

    def _is_counted(self, name: str) -> bool:
        catalog = self._catalog
        return name in catalog.assets or name in catalog.offers or name in real_currencies()

    def _amount(self, name: str, amount: int) -> str:
        is_money = name in self._catalog.assets or name in real_currencies()
        return show(amount, name, self._catalog) if is_money else f"{amount} × {name}"

    def _parts(self, value: Mapping[str, Any]) -> dict[str, str]:
        return {_spoken(key): said for key, inner in value.items() if (said := self.of(key, inner)) is not None}

    def _chances(self, table: object) -> dict[str, str]:
        """Return what a table's lines give -> how likely each is."""
        lines = [line for line in table if isinstance(line, Mapping)] if isinstance(table, Sequence) else []
        whole = sum(line["weight"] for line in lines)
        return {
            self.of("", {key: inner for key, inner in line.items() if key != "weight"})
            or "nothing": f"weight {line['weight']} of {whole} ({_percent(line['weight'], whole)} %)"
            for line in lines
        }


def paired(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Pair]:
    """Yield what differs between two mappings of words, key by key."""
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            yield f"{what} {key}", before.get(key), after.get(key)


def _is_table(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, Mapping) and type(one.get("weight")) is int for one in value)


def _holds_lists(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(inner, list | tuple) for inner in value.values())


def _window(value: Mapping[str, Any]) -> str:
    parts = [(word, value.get(key)) for word, key in (("from", "from_"), ("until", "until"))]
    return " ".join(f"{word} {_moment(str(instant))}" for word, instant in parts if instant is not None)


def _moment(text: str) -> str:
    """Write an instant as people read it; any other text stays as it is."""
    if len(text) < len("2026-12-01T09:00:00") or text[10:11] != "T":
        return text
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _percent(weight: int, whole: int) -> str:
    text = f"{Decimal(100 * weight) / whole:.4f}"
    return text.rstrip("0").rstrip(".")


def _spoken(key: str) -> str:
    return key.removesuffix("_").replace("_", " ")
