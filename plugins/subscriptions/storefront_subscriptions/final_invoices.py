"""What a final invoice asks for, or writes off: of one asset, as it is owed when it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.collecting_finals import method_of
from storefront_subscriptions.debts import owed_assets, owed_of, read_debts
from storefront_subscriptions.period_lines import chargeable
from storefront_subscriptions.rows import CURRENT, OPEN, WRITTEN_OFF, need
from storefront_subscriptions.usage_lines import UsageLine, owed_by_asset, owed_lines
from storefront_subscriptions.waiving import MONEY_BACK, waivable

Fresh = Sequence[UsageLine]
"""What a subscription used that is on no invoice, and not owed yet: it becomes owed with the final invoice."""


@dataclass(frozen=True, slots=True)
class Final:
    """A final invoice that is to be written, and what is owed in its asset (smallest units)."""

    row: Mapping[str, Any]
    owed: int


async def asked_next(services: Services, row: Row, finals: Sequence[Row], fresh: Fresh) -> Final | None:
    """Return the final invoice that asks for what a family owes, of the first asset in which it can be charged.

    What a subscription of the family asks for itself, because it is paid in that asset, is left to it.
    """
    present = await services.reader.first(CURRENT, customer_id=row["customer_id"], family=row["family"])
    left = None if present is None else (await need(services, present["subscription_id"]))["currency"]
    for asset in await _assets(services, row, fresh):
        owed, pay_with = await _owed(services, row, fresh, asset), pay_with_in(services, row, asset)
        if asset == left or owed <= 0 or pay_with is None:
            continue
        asked = chargeable(services, pay_with, Money(owed, asset), price=0)
        if asked <= 0 or (pay_with != WALLET and await method_of(services, row, pay_with) is None):
            continue
        lines = await _lines(services, row, finals, fresh, asset)
        lines += _rest(owed - sum(amount for _, amount in lines), owed - asked)
        return Final(_final_row(services, row, asset, pay_with, lines, number=len(finals) + 1), owed)
    return None


async def written_off_next(
    services: Services, row: Row, finals: Sequence[Row], fresh: Fresh, *, since: int | None = None
) -> Final | None:
    """Return the final invoice that writes off what a subscription itself owes for its usage, if it does.

    With ``since`` only what was used in periods of that number on, as their money went back.
    """
    let_go = [one for one in fresh if since is None or one.row["period"] >= since]
    for asset in await _assets(services, row, fresh):
        owed = await _owed(services, row, fresh, asset)
        debts, _ = await read_debts(services, row, asset)
        own = owed_of(debts, row["id"])
        own = own if since is None else await waivable(services, row, asset)
        asked = min(owed, own + owed_by_asset(let_go).get(asset, 0))
        if asked <= 0:
            continue
        lines = await _lines(services, row, finals, let_go, asset, period=since)
        lines += _rest(asked - sum(amount for _, amount in lines), 0)
        pay_with = pay_with_in(services, row, asset) or str(row["pay_with"])
        final = _final_row(services, row, asset, pay_with, lines, number=len(finals) + 1)
        reason = None if since is None else MONEY_BACK
        closed = {"state": WRITTEN_OFF, "closed_at": final["created_at"], "reason": reason}
        return Final(final | closed, owed)
    return None


def pay_with_in(services: Services, row: Row, asset: str) -> str | None:
    """Return what pays in an asset: what the subscription was paid with, the wallet, or the shop's first gateway."""
    if asset == row["currency"]:
        return str(row["pay_with"])
    return WALLET if services.catalogs.active.is_virtual(asset) else services.default_gateway


async def _assets(services: Services, row: Row, fresh: Fresh) -> list[str]:
    """Return the assets in which something may be owed, the subscription's own first."""
    found = {*await owed_assets(services, row), *owed_by_asset(fresh)}
    return sorted(found, key=lambda asset: (asset != row["currency"], asset))


async def _owed(services: Services, row: Row, fresh: Fresh, asset: str) -> int:
    carried = await read_carried(services, row["customer_id"], row["family"], asset)
    return carried + owed_by_asset(fresh).get(asset, 0)


async def _lines(
    services: Services, row: Row, finals: Sequence[Row], fresh: Fresh, asset: str, *, period: int | None = None
) -> list[tuple[str, int]]:
    """Return the lines of what was used (in periods of a number on), since the last final invoice in that asset."""
    since = max((int(one["created_at"]) for one in finals if one["currency"] == asset), default=-1)
    lines = await owed_lines(services, row, asset, since=since, period=period)
    return lines + [(one.title, one.amount) for one in fresh if one.row["currency"] == asset]


def _rest(beside: int, later: int) -> list[tuple[str, int]]:
    """Return the lines of what is owed, or kept as credit, beside usage, and of what a gateway takes no charge for."""
    lines = [("Due from before" if beside > 0 else "Credit", beside)] if beside else []
    return [*lines, ("Due with the next invoice", -later)] if later else lines


def _final_row(
    services: Services, row: Row, asset: str, pay_with: str, lines: Sequence[tuple[str, int]], *, number: int
) -> dict[str, Any]:
    now = services.clock.now()
    return {
        "id": new_id("sbf"),
        "subscription_id": row["id"],
        "customer_id": row["customer_id"],
        "number": number,
        "state": OPEN,
        **{name: row[name] for name in ("sku", "catalog_version")},
        "currency": asset,
        "pay_with": pay_with,
        "lines": msgspec.json.encode(lines).decode(),
        "total": sum(amount for _, amount in lines),
        "purchase_id": None,
        "failed_purchase_id": None,
        "attempts": 0,
        "failures": 0,
        "next_attempt_at": None,
        "reason": None,
        "due_at": now,
        "created_at": now,
        "closed_at": None,
    }
