"""Where a change of tier is to lead, which way that is, and on which terms: before any money is reckoned."""

from dataclasses import dataclass, replace

from storefront.core.catalog import Catalog, is_on_sale, text_in
from storefront.core.errors import Conflict, FieldError, Invalid
from storefront.core.quotes import WALLET, OfferClosed
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.change_rules import AT_END, Direction, Rule, Settling, Terms, Timing, terms_of
from storefront_subscriptions.config import KIND, Tier
from storefront_subscriptions.rows import TRIALING


class NothingToChange(Conflict):
    code = "nothing_to_change"
    title = "The subscription is like that already"


class EndsWithPeriod(Conflict):
    code = "ends_with_period"
    title = "This subscription ends with its period"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; what is left open stays as it is. ``is_trusted``: by a server, which may ask for any terms."""

    tier: str
    interval: str | None = None
    seats: int | None = None
    currency: str | None = None
    timing: str | None = None
    money: str | None = None
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a subscription is to become; ``price`` is of one seat for one interval, in minor units."""

    tier: Tier
    catalog_version: str
    title: str
    interval: str
    seats: int
    currency: str
    price: int
    pay_with: str

    @property
    def due(self) -> int:
        """What a whole period costs, before tax."""
        return self.price * self.seats


def find_target(services: Services, row: Row, wanted: Wanted, catalog: Catalog, *, is_pinned: bool) -> Target:
    """Return what is wanted as it would be agreed to.

    Raises:
        UnknownOffer, OfferClosed, Invalid: there is no such tier of this family, or not like that.
        NothingToChange: it is so already.
    """
    offer = catalog.offer(wanted.tier)
    if offer.kind != KIND or Tier.of(offer).family != row["family"]:
        errors = [FieldError("/tier", f"must be a tier of the family {row['family']}")]
        raise Invalid(f"{wanted.tier} is no tier of {row['family']}.", errors=errors)
    if not is_pinned and not is_on_sale(offer, services.clock.now()):
        raise OfferClosed(f"{wanted.tier} is not on sale now.", sku=wanted.tier)
    tier = Tier.of(offer)
    interval = wanted.interval or (row["interval"] if row["interval"] in tier.intervals() else tier.interval)
    seats = wanted.seats or row["seats"]
    if seats > tier.most_seats:
        errors = [FieldError("/seats", f"must be at most {tier.most_seats}")]
        raise Invalid(f"{tier.sku} has at most {tier.most_seats} seats.", errors=errors)
    currency, price = _price(row, tier, interval, wanted.currency)
    pay_with = row["pay_with"]
    if currency != row["currency"]:
        pay_with = WALLET if catalog.is_virtual(currency) else (services.default_gateway or "")
        if not pay_with:
            raise Invalid("No payment gateway is configured.")
    title = text_in(offer.title, None, catalog.default_language) or offer.sku
    target = Target(tier, catalog.version, title, interval, seats, currency, price, pay_with)
    if (tier.sku, interval, seats, currency) == (row["sku"], row["interval"], row["seats"], row["currency"]):
        raise NothingToChange(subscription=row["id"])
    return target


def _price(row: Row, tier: Tier, interval: str, wanted: str | None) -> tuple[str, int]:
    if tier.is_free:
        tier.price(interval, None)
        return row["currency"], 0
    prices = tier.intervals().get(interval, {})
    if wanted is None and row["price"] == 0 and row["currency"] not in prices:
        return tier.price(interval, None)
    return tier.price(interval, wanted or row["currency"])


def direction_of(catalog: Catalog, row: Row, target: Target) -> Direction:
    """Return which way a change goes: by the order of tiers, then by its interval, then by its seats."""
    order = {sku: at for at, sku in enumerate(catalog.offers)}

    def level(sku: str) -> int | None:
        offer = catalog.offers.get(sku)
        beside = None if offer is None or offer.kind != KIND else Tier.of(offer).beside
        return order.get(beside or sku)

    before, after = level(row["sku"]), level(target.tier.sku)
    if before is None or after is None:  # a tier that is not in the catalog any more: by what they cost
        before, after = row["price"], target.price
    if after < before:
        return Direction.DOWNGRADE
    if target.interval != row["interval"]:
        return Direction.INTERVAL
    if after > before:
        return Direction.UPGRADE
    if target.tier.sku != row["sku"] or target.seats == row["seats"]:
        return Direction.LATERAL
    return Direction.SEATS_UP if target.seats > row["seats"] else Direction.SEATS_DOWN


def find_terms(rule: Rule, row: Row, target: Target, wanted: Wanted, direction: Direction) -> Terms:
    """Return when a change happens and how it is settled.

    Raises:
        Invalid: the caller may not ask for these terms, or they cannot be.
        EndsWithPeriod: it would happen at the end of a period with which the subscription ends.
    """
    terms = _asked_terms(rule, wanted, direction)
    if row["currency"] != target.currency and row["price"]:
        if wanted.timing == Timing.NOW:
            raise Invalid("What is paid in another asset begins with the next period.",
                          errors=[FieldError("/timing", "must be period_end")])  # fmt: skip
        terms = AT_END
    if terms.timing is Timing.PERIOD_END:
        if row["ends_with_period"]:
            raise EndsWithPeriod("Take that back first, then change it.", subscription=row["id"])
        return terms
    if row["billing_state"] == TRIALING:
        return replace(terms, money=Settling.NONE if target.tier.trial_ms else Settling.FULL_NEW_PERIOD)
    if target.interval != row["interval"]:
        if terms.money not in (Settling.CHARGE_NOW, Settling.FULL_NEW_PERIOD):
            raise Invalid("An interval that changes now begins a period, which is charged now.",
                          errors=[FieldError("/money", "must be charge_now or full_new_period")])  # fmt: skip
        return replace(terms, money=Settling.FULL_NEW_PERIOD)
    if terms.money is Settling.NEXT_INVOICE and row["ends_with_period"]:
        return replace(terms, money=Settling.CHARGE_NOW)  # no invoice follows
    return terms


def _asked_terms(rule: Rule, wanted: Wanted, direction: Direction) -> Terms:
    if wanted.timing is None and wanted.money is None:
        return rule.terms
    told = {name: value for name, value in (("timing", wanted.timing), ("money", wanted.money)) if value is not None}
    if "timing" not in told:
        told["timing"] = rule.terms.timing
    elif "money" not in told and wanted.timing == rule.terms.timing:
        return rule.terms
    terms = terms_of(told, direction)
    if wanted.money is not None and terms.timing is Timing.PERIOD_END:
        raise Invalid("At a period's end the next one is charged, and nothing else.",
                      errors=[FieldError("/money", "must be absent")])  # fmt: skip
    if wanted.is_trusted or terms == rule.terms or terms in rule.choices:
        return terms
    raise Invalid("This shop does not let customers choose that.",
                  errors=[FieldError("/timing" if wanted.timing else "/money", "must be absent")])  # fmt: skip
