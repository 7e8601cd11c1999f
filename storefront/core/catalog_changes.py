"""What a configuration would change of what is on sale: offer by offer, price by price, and whom that concerns.

Pure comparison of two catalogs, and a few counts from the books. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from storefront.core.catalog import Catalog, load_catalog
from storefront.core.change_words import Words, paired, show
from storefront.core.config.model import Limit, Offer
from storefront.core.config.model_prices import Choice, Price, Sale
from storefront.core.tables import catalog_versions, items, purchases, settings

OPEN = ("pending", "in_review", "paid")
_COMPARED_APART = frozenset({"sku", "prices", "listed", "limits", "sales"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that changes, in words; None: it is not there. ``percent`` is of a fixed price, like ``+20.0``."""

    what: str
    before: str | None
    after: str | None
    percent: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Whom a change of an offer concerns, as a plugin knows it: in a sentence for people, and as facts for programs."""

    sku: str
    says: str
    facts: Mapping[str, Any]


CatalogEffects = Callable[[Connection, Catalog], Iterable[Effect]]
"""Says of a catalog that is to be whom it concerns of those in the books; the plugin's tables may not be there yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is ``added``, ``removed`` or ``changed``; ``about`` is offer, asset, entitlement, tax or order.

    ``open_purchases`` keep the price they have; ``owners`` are customers with the item of an offer that goes.
    ``effects`` are what plugins say of it.
    """

    change: str
    about: str
    name: str
    differences: tuple[Difference, ...] = ()
    open_purchases: int = 0
    owners: int = 0
    effects: tuple[Effect, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def live_catalog(connection: Connection) -> Catalog | None:
    """Read the catalog that is on sale; None where none ever was."""
    active = select(settings.c.value).where(settings.c.key == "active_catalog").scalar_subquery()
    row = connection.execute(select(catalog_versions).where(catalog_versions.c.hash == active)).one_or_none()
    return None if row is None else load_catalog(row.hash, row.document)


def changes(
    connection: Connection, wanted: Catalog, effects: Sequence[CatalogEffects] = ()
) -> tuple[str | None, list[Change]]:
    """Return the version on sale, and what would change; the books say whom it concerns."""
    live = live_catalog(connection)
    if live is None:
        return None, all_new(wanted)
    open_by_sku = _counts(connection, select(purchases.c.sku, func.count()).where(purchases.c.status.in_(OPEN)))
    owned = select(items.c.sku, func.count(items.c.customer_id.distinct())).where(items.c.quantity > 0)
    owners = _counts(connection, owned)
    said = [one for plugin in effects for one in plugin(connection, wanted)]
    found = []
    for one in compare(live, wanted):
        if one.about == "offer" and one.change != "added":
            waiting = open_by_sku.get(one.name, 0)
            having = owners.get(one.name, 0) if one.change == "removed" else 0
            found.append(replace(one, open_purchases=waiting, owners=having, effects=_about(one.name, said)))
        else:
            found.append(one)
    if not found and live.version != wanted.version:
        found.append(Change("changed", "texts", "shop"))  # titles of rights, and what else nobody pays for
    return live.version, found


def all_new(wanted: Catalog) -> list[Change]:
    """Return what a shop changes that has sold nothing yet: everything is added."""
    return list(compare(Catalog("", wanted.default_language, {}, {}, {}), wanted))


def _about(sku: str, said: Sequence[Effect]) -> tuple[Effect, ...]:
    return tuple(one for one in said if one.sku == sku)


def _counts(connection: Connection, statement: Any) -> dict[str, int]:
    return {sku: int(count) for sku, count in connection.execute(statement.group_by(statement.selected_columns.sku))}


def compare(before: Catalog, after: Catalog) -> Iterator[Change]:
    """Yield what differs between two catalogs, in the order of the newer one's shelves, what goes last."""
    for sku, offer in after.offers.items():
        earlier = before.offers.get(sku)
        if earlier is None:
            yield Change("added", "offer", sku, tuple(_prices(None, offer, after)))
        elif differences := tuple(_differences(earlier, offer, after)):
            yield Change("changed", "offer", sku, differences)
    for sku in before.offers:
        if sku not in after.offers:
            yield Change("removed", "offer", sku)
    yield from _others("asset", before.assets, after.assets, after)
    yield from _others("promo code", before.promo_codes, after.promo_codes, after)
    yield from _others("experiment", before.experiments, after.experiments, after)
    yield from _others("meter", before.meters, after.meters, after)
    yield from _others("usage", before.usage, after.usage, after)
    yield from _others("creator", before.creators, after.creators, after)
    yield from _others("referrals", _only(before.referrals), _only(after.referrals), after)
    if (before.tax, before.default_language) != (after.tax, after.default_language) and before.version:
        yield Change("changed", "tax" if before.tax != after.tax else "default_language", "shop")
    kept = [sku for sku in before.offers if sku in after.offers]
    if kept != [sku for sku in after.offers if sku in before.offers]:
        yield Change("changed", "order", "shelves")


def _only(section: Any) -> Mapping[str, Any]:
    """Return what there is one of in a shop under that name; nothing where there is none."""
    return {} if section is None else {"shop": section}


def _others(about: str, before: Mapping[str, Any], after: Mapping[str, Any], catalog: Catalog) -> Iterator[Change]:
    for name in {**before, **after}:
        if name not in before:
            yield Change("added", about, name)
        elif name not in after:
            yield Change("removed", about, name)
        elif before[name] != after[name]:
            yield Change("changed", about, name, tuple(_fields(before[name], after[name], catalog, about)))


def _differences(before: Offer, after: Offer, catalog: Catalog) -> Iterator[Difference]:
    yield from _prices(before, after, catalog)
    apart = (*paired("sale", _sales(before, catalog), _sales(after, catalog)),
             *paired("limit", _limits(before), _limits(after)))  # fmt: skip
    yield from (Difference(what, was, becomes) for what, was, becomes in apart)
    yield from _fields(before, after, catalog, "offer")


def _fields(before: object, after: object, catalog: Catalog, about: str) -> Iterator[Difference]:
    """Compare what has no words of its own, key by key."""
    old, new = _plain(before), _plain(after)
    words = Words(catalog, about)
    for key in {**old, **new}:
        if key not in _COMPARED_APART and old.get(key) != new.get(key):
            for what, was, becomes in words.differences(key, old.get(key), new.get(key)):
                yield Difference(what, was, becomes)


def _plain(value: object) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    part = found.pop("part", {})
    return {**found, **part}


def _prices(before: Offer | None, after: Offer, catalog: Catalog) -> Iterator[Difference]:
    """Compare prices country by country, and name together those that change alike."""
    old, new = _by_country(before), _by_country(after)
    alike: dict[tuple[str, Price | None, Price | None], list[str]] = {}
    for currency, country in {**old, **new}:
        pair = old.get((currency, country)), new.get((currency, country))
        if pair[0] != pair[1]:
            alike.setdefault((currency, *pair), []).append(country)
    for (currency, was, becomes), countries in alike.items():
        named = ", ".join(country for country in countries if country)
        what = f"price {currency} for {named}" if named else f"price {currency}"
        yield Difference(what, _worth(was, catalog), _worth(becomes, catalog), _percent(was, becomes))


def _by_country(offer: Offer | None) -> dict[tuple[str, str], Price]:
    """Return ``(asset, country) -> price`` without its countries; ``""`` stands for everybody else."""
    if offer is None:
        return {}
    listed = offer.listed or tuple(Price(code, amount) for code, amount in offer.prices.items())
    return {
        (price.currency, country): Price(price.currency, price.amount, (), price.choice)
        for price in listed
        for country in price.countries or ("",)
    }


def _percent(before: Price | None, after: Price | None) -> str | None:
    if before is None or after is None or before.choice or after.choice or not before.amount:
        return None
    change = Decimal(100 * (after.amount - before.amount)) / before.amount
    return f"{change:+.1f}"


def _worth(price: Price | None, catalog: Catalog) -> str | None:
    if price is None:
        return None
    if isinstance(price.choice, Choice):
        parts = (price.choice.min, price.choice.suggested, price.choice.max)
        least, suggested, most = (show(part, price.currency, catalog) for part in parts)
        return f"what the buyer wants, {least} to {most}, {suggested} suggested"
    return show(price.amount, price.currency, catalog)


def _limits(offer: Offer) -> dict[str, str]:
    return {f"per {limit.per} and {limit.window}": _limit(limit) for limit in offer.limits}


def _limit(limit: Limit) -> str:
    return f"{limit.count}, given back by refunds" if limit.restore_limit_on_refund else str(limit.count)


def _sales(offer: Offer, catalog: Catalog) -> dict[str, str]:
    return {_window(sale): _reduction(sale, catalog) for sale in offer.sales}


def _window(sale: Sale) -> str:
    return " until ".join("" if end is None else f"{end:%Y-%m-%d %H:%M}" for end in (sale.from_, sale.until))


def _reduction(sale: Sale, catalog: Catalog) -> str:
    label = "" if sale.label is None else f", called {Words(catalog, 'offer').of('label', sale.label)}"
    if sale.percent is not None:
        return f"{sale.percent} % off{label}"
    return ", ".join(show(amount, code, catalog) for code, amount in sale.prices.items()) + label
