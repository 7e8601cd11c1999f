"""Builders for tests of money that moves: a charge that is available, an account that may be paid."""

from __future__ import annotations

from typing import Any

import stripe

from storefront.sandbox.testing import RunningSandbox

DAY_MS = 24 * 3600 * 1000


async def later(box: RunningSandbox, days: float) -> None:
    """Let business time pass."""
    await box.sandbox.set_clock(box.sandbox.now_ms + round(days * DAY_MS))


async def paid_charge(box: RunningSandbox, api: stripe.StripeClient, params: dict[str, Any]) -> stripe.Charge:
    """Pay one checkout session; answers its charge with its balance transaction."""
    session = await api.v1.checkout.sessions.create_async(params)
    assert (await box.pay(session.url)).status == 303
    session = await api.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )
    return session.payment_intent.latest_charge


async def connected_account(box: RunningSandbox, api: stripe.StripeClient, **params: Any) -> str:
    """An Express account that has finished its onboarding."""
    account = await api.v1.accounts.create_async({"type": "express", **params})
    link = await api.v1.account_links.create_async(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://shop.example/again",
            "return_url": "https://shop.example/back",
        }
    )
    assert (await box.post(link.url, {"action": "finish"})).status == 303
    return account.id


def balances(balance: stripe.Balance) -> dict[str, tuple[int, int]]:
    """Available and pending minor units by currency."""
    pending = {part.currency: part.amount for part in balance.pending}
    return {part.currency: (part.amount, pending[part.currency]) for part in balance.available}
