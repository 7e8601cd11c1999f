"""The payment emulator as tests use it."""

import time
from collections.abc import Mapping
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

    async def change_amount(self, purchase: Answer | Mapping[str, Any], amount: int) -> None:
        """Make an open checkout charge another amount than it was opened with."""
        session = next(
            s for s in (await self.books())["sessions"] if s["client_reference_id"] == as_json(purchase)["id"]
        )
        await self._control("amount", {"session": session["id"], "amount_total": amount})

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
