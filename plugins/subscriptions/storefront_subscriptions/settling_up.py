"""What a subscription that has ended still asks for: the usage that was on no invoice, with a final one.

What was used last is owed by its customer and family from the very commit that ends it. A final invoice takes that
over once late events had time to come, so whoever subscribes again meanwhile is asked by one of the two, never by both.
It is collected like a renewal, and gives no access. A second look follows once no event can come any more.

For a family the subscription asks that ended last. Whatever of the family ends, were it a checkout that nobody paid,
has it look again: so what another one was to ask for, and did not, is asked all the same.
"""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import bindparam, select

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Unavailable
from storefront.core.jobs import Again
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.attempts import CALLER
from storefront_subscriptions.carrying import TAKEN, carry
from storefront_subscriptions.collecting_finals import collect, is_saved_since
from storefront_subscriptions.config import Settings
from storefront_subscriptions.debts import owed_assets
from storefront_subscriptions.final_invoices import Final, Fresh, asked_next, written_off_next
from storefront_subscriptions.final_moves import told_final
from storefront_subscriptions.rows import (
    CANCELED,
    FINALS,
    FINALS_AHEAD,
    INCOMPLETE_EXPIRED,
    OPEN,
    OWED,
    UNCOLLECTIBLE,
    WRITTEN_OFF,
    NotDue,
    Outdated,
    need,
    need_invoice,
)
from storefront_subscriptions.tables import subscriptions
from storefront_subscriptions.usage_lines import charges_usage, owed_steps, usage_left
from storefront_subscriptions.waiving import MONEY_BACK, is_waived, waivable, waived_since

TIMES_DECIDED = 50
_ENDED = Query(
    select(subscriptions)
    .where(
        subscriptions.c.customer_id == bindparam("customer_id"),
        subscriptions.c.family == bindparam("family"),
        subscriptions.c.billing_state == CANCELED,
    )
    .order_by(subscriptions.c.ended_at.desc(), subscriptions.c.id.desc())
)


async def settle_up(services: Services, settings: Settings, subscription_id: str) -> Again | None:
    """Do what is due of a subscription that has ended; return when to look again, or None once nothing can follow.

    Raises:
        Unavailable: the books are away, or all is changing at once; call again.
    """
    row = await need(services, subscription_id)
    due = []
    if row["billing_state"] != INCOMPLETE_EXPIRED and await charges_usage(services, row):
        due.append(await _settle(services, settings, subscription_id))
    if await owed_assets(services, row):
        asks = await _who_asks(services, row)
        if asks is not None and asks["id"] != row["id"]:
            due.append(await _settle(services, settings, asks["id"]))
    return min((again for again in due if again is not None), key=lambda again: again.due_at, default=None)


async def may_ask(services: Services, row: Row) -> bool:
    """Tell whether there is anything to settle up once a subscription has ended."""
    if await charges_usage(services, row):
        return True
    return bool(await owed_assets(services, row)) and await _who_asks(services, row) is not None


async def _who_asks(services: Services, row: Row) -> Row | None:
    """Return the subscription that asks for what a family owes: the last one to end that ever charged for usage."""
    for one in await _ended(services, row):
        if await charges_usage(services, one):
            return one
    return None


async def _ended(services: Services, row: Row) -> Sequence[Row]:
    return await services.reader.all(_ENDED, customer_id=row["customer_id"], family=row["family"])


async def _settle(services: Services, settings: Settings, subscription_id: str) -> Again | None:
    """Do what is due of a subscription that has ended and charged for usage."""
    for _ in range(TIMES_DECIDED):
        row = await need(services, subscription_id)
        finals = await services.reader.all(FINALS, subscription_id=subscription_id)
        is_back = await is_waived(services, row)
        try:
            if finals and finals[-1]["state"] == OPEN:
                final = finals[-1]
                is_wanted = not is_back or not await waivable(services, row, final["currency"], beside=final)
                due = await collect(services, settings, row, final, is_wanted=is_wanted)
                if due is not None:
                    return Again(due)
                continue
            looks = _looks_at(services, settings, row)
            now = services.clock.now()
            fresh = await usage_left(services, row) if now >= looks[1] or not finals else []
            if is_back and await _waive(services, row, finals, fresh):
                continue
            if now < looks[0]:
                return Again(looks[0])
            if await _write(services, row, fresh, await _next_final(services, settings, row, finals, fresh)):
                continue
        except (Stale, Taken, NotDue, Outdated):
            continue  # somebody else went on with it, or has subscribed again
        return None if now >= looks[1] else Again(looks[1])
    raise Unavailable("Too much is changing at once; try again.")


def _looks_at(services: Services, settings: Settings, row: Row) -> tuple[int, int]:
    """Return when what is owed is asked for, and when again, as no event can come any more (business ms).

    Access may go on after the end, by grace, and what is used in its last hour is told of until that is too long ago.
    """
    end = max(int(row["ended_at"]), int(row["access_until"]))
    first = end + (0 if settings.at_end.word == "write_off" else settings.at_end.wait_ms)
    full = -(-end // HOUR_MS) * HOUR_MS
    return first, max(first, full + services.config.metering.late_days * DAY_MS)


async def _waive(services: Services, row: Row, finals: Sequence[Row], fresh: Fresh) -> bool:
    """Write off what was used since the last period began, as all of its money is back; tell whether that was any."""
    final = await written_off_next(services, row, finals, fresh, since=waived_since(row))
    return final is not None and await _write(services, row, fresh, final)


async def _next_final(
    services: Services, settings: Settings, row: Row, finals: Sequence[Row], fresh: Fresh
) -> Final | None:
    """Return the final invoice that is to be written, if one is.

    Where one was asked in vain before, or the last renewal was, none is asked again.
    """
    is_in_vain = any(_is_in_vain(one) for one in finals) or await _is_given_up(services, row)
    if settings.at_end.word == "write_off" or (is_in_vain and settings.at_end.writes_off_uncollected):
        return await written_off_next(services, row, finals, fresh)
    if is_in_vain or not settings.at_end.is_asked:
        return None
    asks = await _who_asks(services, row)
    return await asked_next(services, row, finals, fresh) if asks is not None and asks["id"] == row["id"] else None


def _is_in_vain(final: Row) -> bool:
    """Tell whether a final invoice was asked and not paid; one that was let go, or never charged, was not."""
    return final["state"] in (OWED, WRITTEN_OFF) and final["attempts"] > 0 and final["reason"] != MONEY_BACK


async def _is_given_up(services: Services, row: Row) -> bool:
    """Tell whether the last renewal was given up, of a subscription or of the one of its family that ended last."""
    newest = (await _ended(services, row))[0]
    invoices = [await need_invoice(services, one["invoice_id"]) for one in (row, newest)]
    return any(one["state"] == UNCOLLECTIBLE for one in invoices)


async def _write(services: Services, row: Row, fresh: Fresh, final: Final | None) -> bool:
    """Write a final invoice, and what is owed from now on; tell whether there was anything to write."""
    if final is None and not fresh:
        return False
    now, customer_id = services.clock.now(), row["customer_id"]
    plan = Plan(actor=CALLER, anchors={customer_id})
    moved = {"version": row["version"] + 1, "updated_at": now}
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, moved))
    plan.add(*owed_steps(row, fresh, at=now))
    if final is not None:
        # What is seen to be owed is what it was, and what this plan adds: a final invoice asks for all or a part.
        plan.add(Insert("subscriptions_finals", (final.row["id"],), customer_id, final.row))
        plan.add(carry(row, final.row["currency"], -final.row["total"], about=final.row["id"], cause=TAKEN,
                       seen=final.owed))  # fmt: skip
        word = "final_invoiced" if final.row["state"] == OPEN else "final_written_off"
        plan.emit(f"subscription.{word}", anchor=customer_id, subject=row["id"], payload=told_final(row, final.row))
    await services.engine.commit(plan)
    return True


async def charge_finals_anew(services: Services, settings: Settings, customer_id: str) -> None:
    """Charge at once what final invoices of a customer ask, if they saved a method since they were charged last.

    Else whoever begins one plan after the other would use up the attempts that dunning makes.
    """
    for final in await services.reader.all(FINALS_AHEAD, customer_id=customer_id):
        last = final["failed_purchase_id"]
        if last is not None and not await is_saved_since(services, final, last):
            continue
        now = services.clock.now()
        if final["next_attempt_at"] is not None and now < final["next_attempt_at"]:
            plan = Plan(actor=CALLER, anchors={customer_id})
            expect = {"state": OPEN, "next_attempt_at": final["next_attempt_at"]}
            moved = {"next_attempt_at": now}
            plan.add(Change("subscriptions_finals", (final["id"],), customer_id, expect, moved))
            with suppress(Stale):  # it has moved: whoever moved it goes on
                await services.engine.commit(plan)
        await settle_up(services, settings, final["subscription_id"])
