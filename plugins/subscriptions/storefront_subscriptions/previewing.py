"""What a change would cost, to the unit, and a token that pins it for ten minutes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.billing import Bill, BillLine
from storefront.core.charging import CONFIRM_WITHIN_MS
from storefront.core.clock import MINUTE_MS, iso
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.quotes import Quote
from storefront.core.quoting import PurchaseRequest, quote_for
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.change_rules import Timing
from storefront_subscriptions.config import Settings
from storefront_subscriptions.deciding import ChangeLine, Decided, decide
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import Outdated
from storefront_subscriptions.targets import Wanted
from storefront_subscriptions.usage_lines import usage_due

PREVIEW = "subscription-change"
PINNED_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a token says was shown: ``digest`` of the lines, ``gross`` with tax (minor units), as of ``at``."""

    subscription: str
    version: int
    catalog_version: str
    at: int
    digest: str
    gross: int
    wanted: Mapping[str, Any]

    def as_wanted(self) -> Wanted:
        """Return what was asked for, terms and all: whoever holds the token was shown it by somebody who might."""
        return Wanted(**self.wanted, is_trusted=True)


async def unpin(services: Services, token: str, row: Row) -> Pinned:
    """Read a preview's token.

    Raises:
        BadPin: it is none, or its time is over.
        Outdated: it is of another subscription, or this one has moved since.
    """
    pinned = Pinned(**services.pins.read(PREVIEW, token))
    if (pinned.subscription, pinned.version) != (row["id"], row["version"]):
        raise Outdated("Look at it again: it is no more as it was shown.", subscription=row["id"])
    return pinned


async def preview(
    services: Services, settings: Settings, row: Row, wanted: Wanted, *, country: str | None
) -> dict[str, Any]:
    """Return the wire shape of what a change would be; nothing is written. Raises what ``decide`` does."""
    decided = await decide(services, settings, row, wanted, catalog=services.catalogs.active)
    lines, target = decided.lines, decided.target
    if decided.terms.timing is Timing.PERIOD_END:
        usage = await usage_due(services, row, target.currency)
        told, _, _ = await lines_of_period(services, agreed_row(row, decided), usage=usage)
        carried = ("used" if amount < 0 else "owed" for _, amount in told[1 + len(usage) :])
        kinds = ["charge", *("usage" for _ in usage), *carried]
        lines = tuple(ChangeLine(kind, title, amount) for kind, (title, amount) in zip(kinds, told, strict=True))
    told_lines = [(line.title, line.amount) for line in lines]
    quote = await quote_lines(services, agreed_row(row, decided), told_lines, country=country)
    expires_at = services.clock.now() + PINNED_MS
    return {
        "subscription": row["id"],
        "tier": target.tier.sku,
        "interval": target.interval,
        "seats": target.seats,
        "direction": str(decided.direction),
        "timing": str(decided.terms.timing),
        "money": None if decided.terms.money is None else str(decided.terms.money),
        "change_at": iso(decided.at),
        **_period(row, decided),
        "lines": [_line(line, target.currency) for line in lines]
        + [{"kind": "tax", "title": one.title, "total": one.amount.to_json()} for one in quote.taxes],
        "total": quote.total.to_json(),
        "returned": {"amount": decided.returned, "currency": target.currency},
        "renews_for": {"amount": target.due, "currency": target.currency},
        "token": _token(services, decided, quote, expires_at),
        "expires_at": iso(expires_at),
    }


def agreed_row(row: Row, decided: Decided) -> dict[str, Any]:
    """Return a subscription's row as it would be by what was decided, as far as its next period goes."""
    target = decided.target
    names = ("catalog_version", "interval", "currency", "price", "seats", "pay_with")
    return {**row, "sku": target.tier.sku, **{name: getattr(target, name) for name in names}}


def _line(line: ChangeLine, currency: str) -> dict[str, Any]:
    return {"kind": line.kind, "title": line.title, "total": {"amount": line.amount, "currency": currency}}


def _period(row: Row, decided: Decided) -> dict[str, str]:
    """Return the period for which the change would be: the present one, one that begins now, or the next."""
    start, end = row["period_start"], row["period_end"]
    if decided.new_period is not None:
        start, end = decided.new_period.start, decided.new_period.end
    elif decided.terms.timing is Timing.PERIOD_END:
        interval, anchor, first = Interval.parse(decided.target.interval), row["anchor"], row["anchor_period"]
        if decided.target.interval != row["interval"]:
            anchor, first = row["period_end"], row["period"] + 1
        span = period(anchor, interval, row["period"] + 1 - first)
        start, end = span.start, span.end
    return {"period_start": iso(start), "period_end": iso(end)}


async def quote_lines(
    services: Services, agreed: Mapping[str, Any], lines: Sequence[tuple[str, int]], *, country: str | None
) -> Quote:
    """Quote a bill of lines by what was agreed to, so that its tax is the one that the purchase would have."""
    bill = Bill(
        id="preview",
        currency=agreed["currency"],
        lines=tuple(BillLine(*line) for line in lines),
        catalog_version=agreed["catalog_version"],
        confirm_within_ms=CONFIRM_WITHIN_MS,
        begin=lambda plan, purchase: None,
    )
    nobodys = IdempotencyKey("plugin:subscriptions", "preview", "preview", hashlib.sha256(b"").digest())
    asked = PurchaseRequest(nobodys, agreed["customer_id"], agreed["sku"], pay_with=agreed["pay_with"], country=country,
                            bill=bill)  # fmt: skip
    return await quote_for(services, asked)


def _token(services: Services, decided: Decided, quote: Quote, expires_at: int) -> str:
    row, target, terms = decided.row, decided.target, decided.terms
    told = {
        "tier": target.tier.sku,
        "interval": target.interval,
        "seats": target.seats,
        "currency": target.currency,
        "timing": str(terms.timing),
        "money": None if terms.money is None else str(terms.money),
    }
    shown = {
        "subscription": row["id"],
        "version": row["version"],
        "catalog_version": target.catalog_version,
        "at": decided.at,
        "digest": decided.digest(),
        "gross": quote.total.amount_minor,
        "wanted": told,
    }
    return services.pins.sign(PREVIEW, shown, expires_at=expires_at)
