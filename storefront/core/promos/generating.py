"""Generated codes and switches: what an operator does with promo codes. Safe to repeat, and each is audited.

Generated codes are kept as they are. They take something off a price and are worth nothing by themselves, whoever
reads the database sees customers and receipts anyway, and an operator who has lost the file of a mailing must be able
to write it again. A batch that got about is switched off by its bulk code.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import LimitReached, Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.config.model_promos import PromoCode, normal_code
from storefront.core.errors import FieldError, Invalid, NotFound, Unavailable
from storefront.core.privileged import record_action
from storefront.core.promos.codes import anchor_of, random_code, shown_code, uses_key
from storefront.core.promos.finding import CODE
from storefront.core.promos.redeeming import GIVEN_BACK
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import counters, promo_codes, redemptions

AT_ONCE = 500
MOST_IN_A_BATCH = 1_000_000
MOST_SHOWN = 1_000
BATCH = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TIMES_DECIDED = 20
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))


def batch_key(campaign: str, batch: str) -> str:
    """Return the counter of the codes of a batch."""
    return f"promo_batch:{campaign}:{batch}"


async def generate_codes(
    services: Services, named: str, *, batch: str, count: int, actor: str, at_once: int = AT_ONCE
) -> dict[str, Any]:
    """Make what a batch still lacks of ``count`` codes, at most ``at_once`` of them, and tell how many there are.

    Safe to repeat, and to run several times at once: a batch never has more than was asked for.

    Raises:
        NotFound: the YAML has no such bulk code.
        Invalid: a batch is called like that, or has that many codes.
    """
    terms = _bulk(services, named)
    if BATCH.fullmatch(batch) is None:
        words = "must be 1 to 40 lower-case letters, digits, - or _"
        raise Invalid(f"A batch's name {words}.", errors=[FieldError("/batch", words)])
    if not 1 <= count <= MOST_IN_A_BATCH:
        words = f"must be 1 to {MOST_IN_A_BATCH}"
        raise Invalid(f"The number of codes {words}.", errors=[FieldError("/count", words)])
    for _ in range(_TIMES_DECIDED):
        row = await services.reader.first(_COUNTER, key=batch_key(terms.name, batch))
        there = 0 if row is None else int(row["value"])
        more = min(count - there, at_once)
        if more > 0:
            try:
                await services.engine.commit(_batch_plan(services, terms, batch, there=there, more=more, actor=actor))
            except LimitReached:
                continue  # somebody else has added to it at this very moment
        return {"campaign": terms.name, "batch": batch, "made": there + max(more, 0), "count": count}
    raise Unavailable("Too much is changing at once; try again.")


def _batch_plan(services: Services, terms: PromoCode, batch: str, *, there: int, more: int, actor: str) -> Plan:
    now, anchor = services.clock.now(), anchor_of(terms.name)
    plan = Plan(actor=actor, anchors={anchor})
    # Only whoever saw the batch as it is may number on from there.
    plan.count(batch_key(terms.name, batch), anchor=anchor, by=more, at_most=there + more)
    for number in range(there + 1, there + more + 1):
        row = code_row(random_code(), terms.name, batch, number, now)
        plan.add(Insert("promo_codes", (row["code"],), anchor, row))
    told = {"campaign": terms.name, "batch": batch, "from": there + 1, "count": more}
    record_action(
        plan, "promo_codes.generated", actor=actor, about=terms.name, facts=told, now=now, wall=services.clock.wall()
    )
    plan.emit("promo_codes.generated", anchor=anchor, subject=terms.name, payload=told)
    return plan


def code_row(
    code: str, campaign: str | None, batch: str | None, number: int | None, now: int, *, customer_id: str | None = None
) -> dict[str, Any]:
    """Return the row of a generated code, or of a word of the YAML (no campaign, batch and number)."""
    return {
        "code": code,
        "campaign": campaign,
        "batch": batch,
        "number": number,
        "customer_id": customer_id,
        "disabled_at": None,
        "created_at": now,
    }


async def switch_code(services: Services, typed: str, *, is_on: bool, actor: str) -> dict[str, Any]:
    """Switch a code off, or on again: a word of the YAML, a generated code, or a bulk code with all of its codes.

    Purchases that were begun with it keep their price. Safe to repeat. Raises ``NotFound``.
    """
    for _ in range(_TIMES_DECIDED):
        code, row = await _find(services, typed)
        if is_on == (row is None or row["disabled_at"] is None):
            return await show_code(services, code)
        now = services.clock.now()
        plan = Plan(actor=actor, anchors={anchor_of(code)})
        disabled_at = None if is_on else now
        if row is None:
            made = code_row(code, None, None, None, now) | {"disabled_at": disabled_at}
            plan.add(Insert("promo_codes", (code,), anchor_of(code), made, once=True))
        else:
            expect = {"disabled_at": row["disabled_at"]}
            plan.add(Change("promo_codes", (code,), anchor_of(code), expect, {"disabled_at": disabled_at}))
        action = "promo_code.enabled" if is_on else "promo_code.disabled"
        wall = services.clock.wall()
        record_action(plan, action, actor=actor, about=code, facts={"code": code}, now=now, wall=wall)
        plan.emit(action, anchor=anchor_of(code), subject=code, payload={"code": code})
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return await show_code(services, code)
    raise Unavailable("Too much is changing at once; try again.")


async def show_code(services: Services, typed: str) -> dict[str, Any]:
    """Return a code with its terms and what it was used for last; raises ``NotFound``."""
    code, row = await _find(services, typed)
    name = code if row is None or row["campaign"] is None else row["campaign"]
    terms = services.catalogs.active.promo_codes.get(name)
    is_generated = row is not None and row["campaign"] is not None
    of = redemptions.c.code if is_generated or terms is None or not terms.is_bulk else redemptions.c.name
    statement = select(redemptions).where(of == code).order_by(redemptions.c.purchase_id.desc()).limit(100)
    used = await services.reader.scan(statement)
    counter = await services.reader.first(_COUNTER, key=uses_key(code))
    owner = None if row is None or row["customer_id"] is None else row["customer_id"]
    return {
        "code": shown_code(code),
        "campaign": name if is_generated else None,
        "batch": row["batch"] if is_generated and row is not None else None,
        "customer": None if owner is None else await services.customers.external_id(owner),
        "terms": None if terms is None else terms_json(terms),
        "counted_uses": 0 if counter is None else int(counter["value"]),
        "disabled_at": None if row is None or row["disabled_at"] is None else iso(row["disabled_at"]),
        "redemptions": [await _redemption_json(services, one) for one in used],
    }


async def list_codes(services: Services) -> dict[str, Any]:
    """Return the codes of the YAML with how often they were used, and how many were generated."""
    used = await _counts(services, redemptions.c.name, redemptions.c.state != GIVEN_BACK)
    made = await _counts(services, promo_codes.c.campaign, promo_codes.c.campaign.is_not(None))
    off = await services.reader.scan(select(promo_codes).where(promo_codes.c.campaign.is_(None)))
    switched_off = {row["code"]: row["disabled_at"] for row in off}
    shown = []
    for name, terms in services.catalogs.active.promo_codes.items():
        disabled_at = switched_off.get(name)
        shown.append({
            "code": name,
            "terms": terms_json(terms),
            "generated": made.get(name, 0),
            "used": used.get(name, 0),
            "disabled_at": None if disabled_at is None else iso(disabled_at),
        })  # fmt: skip
    return {"data": shown, "next": None}


async def list_generated(
    services: Services, named: str, *, batch: str | None, limit: int, after: str | None
) -> dict[str, Any]:
    """Return one page of a bulk code's codes in the order of their batches and numbers. Raises ``NotFound``."""
    terms = _bulk(services, named)
    place = (promo_codes.c.batch, promo_codes.c.number)
    holds = and_(redemptions.c.code == promo_codes.c.code, redemptions.c.state != GIVEN_BACK)
    uses = select(func.count()).select_from(redemptions).where(holds).scalar_subquery()
    statement = select(promo_codes, uses.label("uses")).where(promo_codes.c.campaign == terms.name)
    if batch is not None:
        statement = statement.where(promo_codes.c.batch == batch)
    if after is not None:
        last_batch, last_number = _cursor(after)
        behind = and_(promo_codes.c.batch == last_batch, promo_codes.c.number > last_number)
        statement = statement.where((promo_codes.c.batch > last_batch) | behind)
    rows = await services.reader.scan(statement.order_by(*place).limit(limit + 1))
    shown = [
        {
            "code": shown_code(row["code"]),
            "batch": row["batch"],
            "number": row["number"],
            "uses": int(row["uses"]),
            "disabled_at": None if row["disabled_at"] is None else iso(row["disabled_at"]),
        }
        for row in rows[:limit]
    ]
    following = f"{rows[limit - 1]['batch']}:{rows[limit - 1]['number']}" if len(rows) > limit else None
    return {"data": shown, "next": following}


def terms_json(terms: PromoCode) -> dict[str, Any]:
    """Return the terms of a code as operators see them."""
    return {
        "percent": terms.percent,
        "amount": dict(terms.amount),
        "uses": terms.uses,
        "per_customer": terms.per_customer,
        "from": None if terms.from_ is None else terms.from_.isoformat(),
        "until": None if terms.until is None else terms.until.isoformat(),
        "offers": list(terms.offers),
        "kinds": list(terms.kinds),
        "countries": list(terms.countries),
        "minimum": dict(terms.minimum),
        "first_purchase": terms.first_purchase,
        "stackable": terms.stackable,
        "bulk": terms.is_bulk,
        "restore_on_refund": terms.restore_on_refund,
    }


async def _redemption_json(services: Services, row: Row) -> dict[str, Any]:
    return {
        "code": shown_code(row["code"]),
        "purchase": row["purchase_id"],
        "customer": await services.customers.external_id(row["customer_id"]),
        "discount": {"amount": row["amount"], "currency": row["currency"]},
        "state": row["state"],
        "created_at": iso(row["created_at"]),
    }


async def _counts(services: Services, of: Any, where: Any) -> Mapping[str, int]:
    rows: Sequence[Row] = await services.reader.scan(
        select(of.label("name"), func.count().label("count")).where(where).group_by(of)
    )
    return {row["name"]: int(row["count"]) for row in rows}


async def _find(services: Services, typed: str) -> tuple[str, Row | None]:
    """Return a code's normal form and its row, if it has one; the YAML's words have none until they are switched."""
    code = normal_code(typed)
    row = None if code is None else await services.reader.first(CODE, code=code)
    if code is None or (row is None and code not in services.catalogs.active.promo_codes):
        raise NotFound("There is no such promo code.")
    return code, row


def _bulk(services: Services, named: str) -> PromoCode:
    terms = services.catalogs.active.promo_codes.get(normal_code(named) or "")
    if terms is None or not terms.is_bulk:
        raise NotFound("There is no such bulk code under `promo_codes:` (with `bulk: true`).")
    return terms


def _cursor(after: str) -> tuple[str, int]:
    batch, _, number = after.rpartition(":")
    if BATCH.fullmatch(batch) is None or not number.isascii() or not number.isdigit() or len(number) > 9:
        words = "is not a cursor of this list"
        raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", words)])
    return batch, int(number)
