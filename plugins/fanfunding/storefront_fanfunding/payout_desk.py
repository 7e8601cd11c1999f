"""What an operator's shell asks of payouts (``storefront payouts``)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.hooks import Operations
from storefront.core.idempotency import idempotency_key
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.core.typed_amounts import read_amount
from storefront_fanfunding.config import Settings
from storefront_fanfunding.payout_lists import list_payable, list_payouts
from storefront_fanfunding.payout_moves import approve, mark_failed, mark_paid
from storefront_fanfunding.payout_routes import CREATE_OPERATION, ONE
from storefront_fanfunding.payout_rows import need_payout
from storefront_fanfunding.payouts import PayoutRequest, check_currency, create_payout
from storefront_fanfunding.statements import csv_of

SHELL = "operator:shell"
Asked = Mapping[str, Any]


def operations_of(services: Services, settings: Settings) -> Operations:
    """Return what the shell may ask; ``key`` keeps a call whose reply was lost from happening twice."""

    async def create(asked: Asked) -> dict[str, Any]:
        amount = None if asked["amount"] is None else await typed_amount(services, asked)
        named = {"creator": asked["creator"], "currency": asked["currency"]}
        body = named if amount is None else {**named, "amount": amount}
        key = idempotency_key(SHELL, CREATE_OPERATION, asked["key"], body)
        return _said(
            await create_payout(services, settings, PayoutRequest(key, asked["creator"], asked["currency"], amount))
        )

    async def begin(asked: Asked) -> dict[str, Any]:
        return _said(await approve(services, asked["id"], _key(asked, "approve", {})))

    async def pay(asked: Asked) -> dict[str, Any]:
        reference = redact_text(asked["reference"])
        return _said(await mark_paid(services, asked["id"], reference, _key(asked, "paid", {"reference": reference})))

    async def fail(asked: Asked) -> dict[str, Any]:
        reason = redact_text(asked["reason"])
        return _said(await mark_failed(services, asked["id"], reason, _key(asked, "failed", {"reason": reason})))

    async def statement(asked: Asked) -> dict[str, Any]:
        row = await need_payout(services, asked["id"])
        return {"csv": "".join([text async for text in csv_of(services, row)])}

    found: dict[str, Callable[[Asked], Awaitable[dict[str, Any]]]] = {
        "payouts.list": lambda asked: list_payouts(services, **asked),
        "payouts.payable": lambda _: list_payable(services, settings),
        "payouts.create": create,
        "payouts.approve": begin,
        "payouts.pay": pay,
        "payouts.fail": fail,
        "payouts.statement": statement,
    }
    return found


def _said(answered: tuple[Answer, bool]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(answered[0].body)
    return told


def _key(asked: Asked, act: str, body: Mapping[str, Any]) -> IdempotencyKey:
    return idempotency_key(SHELL, f"POST {ONE}/{act}", asked["key"], {**body, "payout": asked["id"]})


async def typed_amount(services: Services, asked: Asked) -> int:
    """Read the ``amount`` of a payout to a ``creator`` in a ``currency`` as people write it (``20.50``).

    Raises:
        Invalid: it is no amount, or that no currency.
    """
    await check_currency(services, asked["creator"], asked["currency"])
    return read_amount(services.catalogs.active, asked["amount"], asked["currency"])
