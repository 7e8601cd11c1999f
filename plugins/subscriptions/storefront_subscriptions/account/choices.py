"""The tiers that can be changed to, or begun, and what one of them would cost: line by line, as it is charged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from storefront.core.catalog import is_on_sale, text_in
from storefront.core.clock import parse_iso
from storefront.core.config.model import Offer
from storefront.core.reading import Row
from storefront.design.art import art
from storefront.pages import Link
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.usage import usage_terms, with_usage
from storefront_subscriptions.account.views import Act, Choice, Figure, Option, PreviewView, Seats
from storefront_subscriptions.account.wording import Wording, drawing_of, each, method_name
from storefront_subscriptions.change_rules import AT_END, Rule, Timing
from storefront_subscriptions.config import KIND, Tier
from storefront_subscriptions.targets import Wanted


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a reader wants to look at: a tier, for how long, in which asset, and on which terms."""

    tier: str
    interval: str
    currency: str
    seats: int | None = None
    timing: str | None = None

    @classmethod
    def parse(cls, plan: str, *, seats: int | None = None, timing: str | None = None) -> "Chosen":
        """Read an option's value, whose shape a pattern has checked."""
        tier, interval, currency = plan.split("|")
        return cls(tier, interval, currency, seats, timing)

    @property
    def plan(self) -> str:
        return f"{self.tier}|{self.interval}|{self.currency}"

    def as_wanted(self, row: Row) -> Wanted:
        """Return it as a change of a subscription; what is free costs nothing in any asset."""
        currency = self.currency if self.currency != row["currency"] and row["price"] else None
        return Wanted(self.tier, interval=self.interval, seats=self.seats, timing=self.timing, currency=currency)

    def address(self, subscription: str, **more: str) -> str:
        """Return the page's address that shows what this change would cost."""
        query = {"subscription": subscription, "plan": self.plan, **more}
        if self.seats is not None:
            query["seats"] = str(self.seats)
        return str(URL("/account").with_query(query).with_fragment("preview"))


def families_on_sale(wording: Wording) -> dict[str, list[Offer]]:
    """Return ``family -> tiers`` that can be had now, in their order."""
    found: dict[str, list[Offer]] = {}
    for offer in wording.services.catalogs.active.offers.values():
        if offer.kind == KIND and is_on_sale(offer, wording.now):
            found.setdefault(Tier.of(offer).family, []).append(offer)
    return found


def change_choice(
    wording: Wording,
    one: Standing,
    offers: list[Offer],
    chosen: Chosen | None,
    *,
    preview: PreviewView | None,
    refusal: str | None,
) -> Choice | None:
    """Return what a subscription can be changed to; None where there is nothing else."""
    row = one.row
    present = f"{row['sku']}|{row['interval']}|{row['currency']}"
    picked = present if chosen is None else chosen.plan
    options = [
        Option(
            **{key: way[key] for key in ("value", "title", "detail", "price", "each", "art", "more")},
            is_present=way["value"] == present,
            is_chosen=way["value"] == picked,
        )
        for offer in offers
        for way in ways_of(wording, offer, row)
    ]
    most = max((Tier.of(offer).most_seats for offer in offers), default=1)
    if all(option.is_present for option in options) and most == 1:
        return None
    seats = (chosen.seats if chosen else None) or row["seats"]
    return Choice(row["family"], "Change plan", row["id"], tuple(options), Seats(seats, most) if most > 1 else None,
                  preview, refusal)  # fmt: skip


def ways_of(wording: Wording, offer: Offer, row: Row | None) -> Iterator[dict[str, Any]]:
    """Yield what options of a tier share: one for each interval, and to begin with for each asset too.

    ``amount`` is the listed price of a seat in ``currency`` (minor units).
    """
    tier, catalog = Tier.of(offer), wording.services.catalogs.active
    title = text_in(offer.title, wording.language, catalog.default_language) or offer.sku
    for interval, prices in tier.intervals().items():
        currencies = list(prices)
        if row is not None:
            currencies = [row["currency"]] if row["currency"] in prices or tier.is_free else currencies[:1]
        for currency in currencies:
            amount = 0 if tier.is_free else prices[currency]
            yield {
                "value": f"{offer.sku}|{interval}|{currency}",
                "interval": interval,
                "currency": currency,
                "amount": amount,
                "title": title,
                "detail": text_in(offer.description, wording.language, catalog.default_language) or "",
                "price": "Free" if amount == 0 else wording.due(amount, currency, offer.sku),
                "each": "" if amount == 0 else each(interval),
                "art": art(drawing_of(offer.sku), offer.sku),
                "more": usage_terms(wording, offer),
            }


def preview_view(
    wording: Wording,
    one: Standing,
    chosen: Chosen,
    shown: Mapping[str, Any],
    *,
    rule: Rule,
    new_key: Callable[[], str],
    offer: Offer,
    pending: int | None,
) -> PreviewView:
    """Word what ``preview`` answers; its button carries the token, so what is pressed is what was shown.

    ``offer`` is the tier that is changed to; ``pending`` what is used and on no invoice yet (minor units),
    None where the present one charges no usage.
    """
    is_now = shown["timing"] == Timing.NOW
    total, currency = shown["total"]["amount"], shown["total"]["currency"]
    day = wording.day(parse_iso(shown["change_at"]))
    amount = wording.amount(total, currency)
    goods = [line for line in shown["lines"] if line["kind"] != "tax"]
    taxes = [line for line in shown["lines"] if line["kind"] == "tax"]
    is_added = sum(line["total"]["amount"] for line in goods) != total
    lines = [_figure(wording, line) for line in goods + (taxes if is_added else [])]
    if shown["returned"]["amount"]:
        back = wording.amount(shown["returned"]["amount"], currency)
        lines.append(Figure("Goes back to your wallet", back))
    included = [] if is_added else [_figure(wording, line) for line in taxes]
    facts = [f"Includes {figure.amount} {figure.label}." for figure in included]
    facts += _afterwards(wording, one, shown, day, offer=offer, is_now=is_now)
    facts += _beside(wording, one, offer, pending, is_now=is_now)
    button = f"Switch on {day}" if not is_now else f"Switch and pay {amount}" if total else "Switch now"
    fields = {"subscription": one.row["id"], "token": shown["token"], "idempotency_key": new_key()}
    return PreviewView(
        heading="If you switch now" if is_now else f"If you switch on {day}",
        lines=tuple(lines),
        total=Figure("Due today" if is_now else f"Due on {day}", amount),
        facts=tuple(facts),
        act=Act(button, "/account/change", fields),
        other=_other(wording, one, chosen, rule, is_now=is_now),
    )


def _figure(wording: Wording, line: Mapping[str, Any]) -> Figure:
    return Figure(line["title"], wording.amount(line["total"]["amount"], line["total"]["currency"]))


def _afterwards(
    wording: Wording, one: Standing, shown: Mapping[str, Any], day: str, *, offer: Offer, is_now: bool
) -> list[str]:
    """Say what comes after: the next payments, and who pays this one."""
    facts, end = [], wording.day(parse_iso(shown["period_end"]))
    catalog, renews = wording.services.catalogs.active, shown["renews_for"]
    title = text_in(offer.title, wording.language, catalog.default_language) or offer.sku
    renewed = wording.due(renews["amount"], renews["currency"], shown["tier"])
    price = f"{renewed} {each(shown['interval'])}{with_usage(offer)}"
    if not is_now:
        facts.append(f"You pay nothing today. {title} begins on {day}.")
    elif one.row["ends_with_period"]:
        facts.append(f"It still ends on {end}.")
    elif renews["amount"]:
        facts.append(f"Then {price}, from {end} on.")
    else:
        facts.append("From then on it is free.")
    if is_now and shown["total"]["amount"]:
        by_card = "You pay on the next page." if one.method is None else f"{method_name(one.method)} pays at once."
        is_virtual = catalog.is_virtual(shown["total"]["currency"])
        facts.append("Paid from your wallet at once." if is_virtual else by_card)
    return facts


def _beside(wording: Wording, one: Standing, offer: Offer, pending: int | None, *, is_now: bool) -> list[str]:
    """Say what usage costs by the new tier, and what of before the next payment asks for beside its price."""
    row, facts = one.row, []
    if is_now and not row["ends_with_period"]:
        if pending is not None and pending > 0:
            facts.append(f"{wording.due(pending, row['currency'], row['sku'])} for usage so far is paid then, too.")
        if one.carried > 0:
            facts.append(f"{wording.due(one.carried, row['currency'], row['sku'])} from before is paid then, too.")
    if not is_now and pending is not None:
        facts.append("What you use until then is paid with it.")
    return facts + [f"Usage of {line}" for line in usage_terms(wording, offer)]


def _other(wording: Wording, one: Standing, chosen: Chosen, rule: Rule, *, is_now: bool) -> Link | None:
    """Lead to the other terms that the shop lets its customers choose."""
    terms = (rule.terms, *rule.choices)
    if is_now and AT_END in terms and not one.row["ends_with_period"]:
        words = f"Switch on {wording.day(one.row['period_end'])} instead"
        return Link(words, chosen.address(one.row["id"], timing=str(Timing.PERIOD_END)))
    if not is_now and any(term.timing is Timing.NOW for term in terms):
        return Link("Switch now instead", chosen.address(one.row["id"], timing=str(Timing.NOW)))
    return None
