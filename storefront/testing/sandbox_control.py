"""The payment emulator as tests use it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from storefront.sandbox.webhooks import signature_header
from storefront.testing.calling import Answer, Caller, Host, as_json, read_answer


class SandboxHost(Host, Protocol):
    """What the emulator's control needs of a shop."""

    def as_nobody(self) -> Caller: ...


class SandboxControl:
    """The payment emulator as tests use it: what goes wrong next, who paid, and its books as the judge."""

    def __init__(self, shop: SandboxHost, secret_key: str, webhook_secret: str, *, url: str = "/sandbox") -> None:
        self._shop = shop
        self._url = url
        self.secret_key = secret_key
        self._headers = {"Authorization": f"Bearer {secret_key}"}
        self.webhook_secret = webhook_secret

    async def misbehave(self, fault: str, on: str = "*", **more: Any) -> None:
        """Let the next matching requests suffer a fault; ``on`` is such as ``POST /v1/checkout/sessions``."""
        await self._control("misbehave", {"fault": fault, "on": on, **more})

    async def webhooks(self, mode: str, times: int | None = None, **more: Any) -> None:
        """Deliver the next events (all, without a number) in another way: ``hold``, ``drop``, ``duplicate``, …"""
        await self._control("misbehave", {"webhooks": {"mode": mode, "times": times, **more}})

    async def release(self, order: str = "as_created", *, copies: int = 1, **more: Any) -> list[dict[str, Any]]:
        """Send what is held, one after the other; answers ``[{event, type, answer}]``."""
        answer = await self._control("webhooks/release", {"order": order, "copies": copies, **more})
        return list(answer["sent"])

    async def order(self, what: str, **details: Any) -> dict[str, Any]:
        """Let something happen to a payment: ``disputes``, ``refunds``, ``debits``, ``reviews``, … of its control."""
        answer: dict[str, Any] = await self._control(what, details)
        return answer

    async def held(self) -> list[dict[str, Any]]:
        """Return the events that are held, oldest first."""
        async with self._shop.http.get(f"{self._url}/control/webhooks/held", headers=self._headers) as response:
            return list((await response.json())["data"])

    async def deliver(self, events: Sequence[str], *, dropped: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Send events (``evt_…``) in exactly this order, as often as they are named; lose the ``dropped`` ones of
        what is held. Answers ``[{event, type, answer}]``."""
        answer = await self._control("webhooks/deliver", {"events": list(events), "dropped": list(dropped)})
        return list(answer["sent"])

    async def pay_out_by_itself(self, is_on: bool) -> None:
        """Pay out at each midnight what is available, or stop that."""
        await self._control("payouts/schedule", {"automatic": is_on})

    async def change_amount(self, purchase: Answer | Mapping[str, Any], amount: int) -> None:
        """Make an open checkout charge another amount than it was opened with."""
        session = next(
            s for s in (await self.books())["sessions"] if s["client_reference_id"] == as_json(purchase)["id"]
        )
        await self._control("amount", {"session": session["id"], "amount_total": amount})

    async def dispute(self, purchase: Answer | Mapping[str, Any], status: str = "needs_response", **more: Any) -> Any:
        """Let a payer's bank dispute a purchase, or move the dispute there is: ``won``, ``lost``, ``under_review``,
        ``warning_needs_response`` …; returns the gateway's dispute."""
        payment = await self.payment_of(purchase)
        query = {"payment_intent": payment, "limit": "1"}
        async with self._shop.http.get(f"{self._url}/v1/disputes", params=query, headers=self._headers) as response:
            known = (await response.json())["data"]
        named = {"dispute": known[0]["id"]} if known else {"payment_intent": payment}
        return await self._control("disputes", {**named, "status": status, **more})

    async def warn_of_fraud(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Let a payer's bank warn early that a purchase was fraud; returns the gateway's warning."""
        return await self._control("early_fraud_warnings", {"payment_intent": await self.payment_of(purchase)})

    async def refund_by_hand(self, purchase: Answer | Mapping[str, Any], amount: int | None = None) -> Any:
        """Refund a purchase at the gateway, as a person in its dashboard would; without our reference."""
        form = {"payment_intent": await self.payment_of(purchase)} | ({} if amount is None else {"amount": str(amount)})
        return await self.call("refunds", form)

    async def charge_of_others(self, amount: int, currency: str = "usd") -> Any:
        """Charge a card for other business on the same account, which this shop knows nothing of."""
        form = {
            "amount": str(amount),
            "currency": currency,
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
        }
        return await self.call("payment_intents", form)

    async def pay_out(self, amount: int, currency: str = "usd") -> Any:
        """Send money of the balance to the bank."""
        return await self.call("payouts", {"amount": str(amount), "currency": currency})

    async def fail_payout(self, payout: Mapping[str, Any]) -> Any:
        """Let the bank send a payout back, whether it was called paid or not."""
        return await self._control("payouts/fail", {"payout": payout["id"]})

    async def call(self, path: str, form: Mapping[str, str]) -> Any:
        """Call the emulated API as a program of somebody else's would: ``POST /v1/<path>``."""
        async with self._shop.http.post(f"{self._url}/v1/{path}", data=form, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def end_refund(self, refund: str, status: str) -> Any:
        """End a refund (``re_…``) as ``succeeded`` or ``failed``, now."""
        return await self._control("refunds", {"refund": refund, "status": status})

    async def end_debit(self, purchase: Answer | Mapping[str, Any], status: str) -> Any:
        """End a bank debit that is under way as ``succeeded`` or ``failed``, now."""
        return await self._control("debits", {"payment_intent": await self.payment_of(purchase), "status": status})

    async def set_rates(self, rates: Mapping[str, str]) -> None:
        """Change what one unit of a currency is worth in the settlement currency, from now on."""
        await self._control("rates", {"rates": rates})

    async def payment_of(self, purchase: Answer | Mapping[str, Any]) -> str:
        """Return the payment intent of a purchase."""
        url = f"{self._url}/control/payments/{as_json(purchase)['id']}"
        async with self._shop.http.get(url, headers=self._headers) as response:
            found = await response.json()
            assert response.status == 200, found
            return str(found["payment_intent"])

    async def turn_card(self, method: str, card_number: str) -> None:
        """Let a saved card (``pm_…``) be treated by its bank as another test card: lost, stolen, expired …"""
        await self._control("cards", {"payment_method": method, "card_number": card_number})

    async def books(self) -> dict[str, Any]:
        """Charges, refunds, sessions and totals, oldest first."""
        async with self._shop.http.get(f"{self._url}/control/books", headers=self._headers) as response:
            books: dict[str, Any] = await response.json()
            return books

    async def charged(self) -> list[tuple[str | None, int]]:
        """Return ``(purchase id, amount)`` of every charge that succeeded, oldest first."""
        charges = (await self.books())["charges"]
        return [(c["client_reference_id"], c["amount"]) for c in charges if c["status"] == "succeeded"]

    async def post_webhook(self, event: Any, *, secret: str | None = None, age_seconds: int = 0) -> Answer:
        """Post an event of your own making, signed as the gateway would, or with another secret or age."""
        raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
        signed_at = time.time_ns() // 1_000_000_000 - age_seconds
        headers = {"Stripe-Signature": signature_header(raw, secret or self.webhook_secret, signed_at)}
        return read_answer(await self._shop.as_nobody().send("POST", "/webhooks/sandbox", content=raw, headers=headers))

    async def is_idle(self) -> bool:
        async with self._shop.http.get(f"{self._url}/control/clock", headers=self._headers) as response:
            return bool((await response.json())["idle"])

    async def _control(self, name: str, body: Any) -> Any:
        async with self._shop.http.post(f"{self._url}/control/{name}", json=body, headers=self._headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer
