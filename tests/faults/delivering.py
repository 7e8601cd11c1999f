"""Webhooks that come in as each trouble makes them: lost, repeated, cut off, slow, false, or of another time."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from storefront.sandbox.webhooks import signature_header
from storefront.testing import Shop
from tests.faults.troubles import STUCK_SECONDS

PIECES = 8
FALSE: Mapping[str, Mapping[str, Any]] = {
    "other_amount": {"amount": 1, "amount_total": 1, "amount_received": 1},
    "other_currency": {"currency": "eur"},
    "unknown_status": {"status": "half_done", "payment_status": "half_done"},
}


async def deliver(shop: Shop, event: Mapping[str, Any], trouble: str) -> None:
    """Post an event as this trouble makes it; what is ours to believe is acknowledged, what is not is refused."""
    post = shop.sandbox.post_webhook
    if trouble in ("timeout_before", "reset_before", "timeout_and_done_later"):
        return
    if trouble in ("timeout_after_success", "reset_after_success", "duplicate_id"):
        # Our answer was lost, so that it comes again; and another one comes under its name.
        other = {**event, "type": "charge.refunded", "data": {"object": {"object": "charge", "id": "ch_other"}}}
        answers = await asyncio.gather(post(event), post(event), post(event))
        answers.append(await post(other))
        assert [answer.status for answer in answers] == [200] * 4
    elif trouble == "truncated":
        raw = msgspec.json.encode(event)
        assert (await post(raw[: len(raw) // 2])).status == 400
    elif trouble == "skewed_signatures":
        answers = [await post(event, age_seconds=age) for age in (3600, -3600)]
        assert [answer.json["code"] for answer in answers] == ["bad_signature"] * 2
    elif trouble == "slow_drip":
        assert await _drip(shop, msgspec.json.encode(event)) == 200
    else:
        told = {**event["data"]["object"], **FALSE.get(trouble, {})}
        assert (await post({**event, "data": {"object": told}})).status == 200


async def _drip(shop: Shop, raw: bytes) -> int:
    """Post an event in pieces; return the status of the answer."""

    async def pieces() -> AsyncIterator[bytes]:
        size = len(raw) // PIECES + 1
        for start in range(0, len(raw), size):
            await asyncio.sleep(STUCK_SECONDS / PIECES)
            yield raw[start : start + size]

    signature = signature_header(raw, shop.sandbox.webhook_secret, int(time.time()))
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    async with shop.http.post("/webhooks/sandbox", data=pieces(), headers=headers) as response:
        return response.status
