"""Answers of other shapes than Stripe's: said to be failures of the gateway, never believed, never a crash."""

import copy
import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from storefront.core.gateways import GatewayFailed, OutcomeUnknown, PaymentState, RefundRequest
from storefront.core.gateways.stripe import StripeGateway
from storefront.core.money import Money
from storefront.testing.gateway_contract import CheckoutContract

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 499,
    "amount_received": 499,
    "currency": "usd",
    "customer": None,
    "last_payment_error": None,
    "latest_charge": {
        "id": "ch_1",
        "object": "charge",
        "amount": 499,
        "amount_refunded": 0,
        "currency": "usd",
        "disputed": False,
        "outcome": {"risk_level": "normal", "risk_score": 17},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
    },
    "livemode": False,
    "metadata": {"purchase_id": "pur_1"},
    "payment_method": None,
    "status": "succeeded",
}
SESSION: dict[str, Any] = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "amount_total": 499,
    "currency": "usd",
    "customer": None,
    "livemode": False,
    "metadata": {"purchase_id": "pur_1"},
    "payment_intent": INTENT,
    "payment_status": "paid",
    "status": "complete",
    "url": None,
}


class Liar:
    """A server that answers whatever it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes = b""
        self.content_type = "application/json"
        self.asked = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status, body=self.body, content_type=self.content_type)

    def says(self, answer: Any) -> None:
        self.body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@pytest.fixture
async def liar() -> AsyncIterator[tuple[Liar, StripeGateway]]:
    liar = Liar()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", liar.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway = StripeGateway(
        "stripe",
        secret_key="sk_test_1",
        webhook_secrets=["whsec_" + "x" * 24],
        api_base=f"http://127.0.0.1:{runner.addresses[0][1]}",
        requests_per_second=math.inf,
    )
    yield liar, gateway
    await gateway.close()
    await runner.cleanup()


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    session = copy.deepcopy(SESSION)
    change(session)
    return session


ODD: dict[str, Any] = {
    "unknown status": changed(lambda s: s.update(status="half_open")),
    "unknown payment status": changed(lambda s: s.update(payment_status="nearly")),
    "unknown intent status": changed(lambda s: s["payment_intent"].update(status="succeeding")),
    "negative amount": changed(lambda s: s["payment_intent"].update(amount_received=-1)),
    "amount as text": changed(lambda s: s.update(amount_total="499")),
    "amount as fraction": changed(lambda s: s.update(amount_total=4.99)),
    "endless amount": changed(lambda s: s["payment_intent"].update(amount_received=2**62)),
    "no amount": changed(lambda s: s.update(amount_total=None)),
    "unknown currency": changed(lambda s: s["payment_intent"].update(currency="xyz")),
    "no currency": changed(lambda s: s.update(currency=None)),
    "no mode": changed(lambda s: s.pop("livemode")),
    "mode as text": changed(lambda s: s.update(livemode="false")),
    "metadata as list": changed(lambda s: s.update(metadata=["pur_1"])),
    "metadata of numbers": changed(lambda s: s.update(metadata={"purchase_id": 1})),
    "intent as list": changed(lambda s: s.update(payment_intent=[])),
    "charge as number": changed(lambda s: s["payment_intent"].update(latest_charge=1)),
    "refunded less than nothing": changed(lambda s: s["payment_intent"]["latest_charge"].update(amount_refunded=-1)),
    "details as text": changed(lambda s: s["payment_intent"]["latest_charge"].update(payment_method_details="card")),
    "card as text": changed(
        lambda s: s["payment_intent"]["latest_charge"].update(payment_method_details={"type": "card", "card": "visa"})
    ),
    "kind as list": changed(
        lambda s: s["payment_intent"]["latest_charge"].update(payment_method_details={"type": ["card"]})
    ),
    "object as list": changed(lambda s: s.update(object=[])),
    "object as hash": changed(lambda s: s.update(object={})),
    "object as number": changed(lambda s: s.update(object=7)),
    "an error": {"error": {"type": "api_error"}},
    "a list": [SESSION],
    "a text": "session",
    "a number": 7,
    "nothing": None,
    "no bytes": b"",
    "half": json.dumps(SESSION).encode()[:200],
    "a page": b"<html><body>Welcome to the hotel's network</body></html>",
    "no text": b"\xff\xfe\x00",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
async def test_a_look_up_that_is_answered_oddly_has_failed(liar: tuple[Liar, StripeGateway], name: str) -> None:
    server, gateway = liar
    server.says(ODD[name])

    with pytest.raises(GatewayFailed):
        await gateway.look_up("cs_test_1")


async def test_the_answer_that_the_odd_ones_are_made_of_is_fine(liar: tuple[Liar, StripeGateway]) -> None:
    server, gateway = liar
    server.says(SESSION)

    facts = await gateway.look_up("cs_test_1")

    assert (facts.state, facts.amount, facts.purchase_id) == (PaymentState.RECEIVED, Money(499, "USD"), "pur_1")
    assert facts.card["last4"] == "4242"


@pytest.mark.parametrize("answer", [{}, [], None, 7, b"", b"{", {"id": 7, "url": "x"}, {"id": "cs_1", "url": None}])
async def test_an_opening_that_is_answered_oddly_may_have_happened(
    liar: tuple[Liar, StripeGateway], stripe: Any, answer: Any
) -> None:
    server, gateway = liar
    server.says(answer)

    with pytest.raises(OutcomeUnknown):
        await gateway.open_checkout(CheckoutContract().request(stripe))


@pytest.mark.parametrize("status", [500, 502, 503, 409])
async def test_an_error_of_a_write_may_have_happened(
    liar: tuple[Liar, StripeGateway], stripe: Any, status: int
) -> None:
    server, gateway = liar
    server.status = status
    server.says(b"<html>bad gateway</html>")

    with pytest.raises(OutcomeUnknown):
        await gateway.open_checkout(CheckoutContract().request(stripe))
    assert server.asked == 3


@pytest.mark.parametrize("status", [300, 304, 400, 401, 402, 403, 404, 418, 429, 500, 503])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"error": 7}', b'{"error": {"type": 7, "code": []}}', b"[]"])
async def test_whatever_error_is_answered_is_one_of_ours(
    liar: tuple[Liar, StripeGateway], status: int, body: bytes
) -> None:
    server, gateway = liar
    server.status = status
    server.says(body)
    refund = RefundRequest("rev_1", "pur_1", "pi_1", Money(1, "USD"))

    with pytest.raises((GatewayFailed, _not_found())):
        await gateway.refund(refund)


def _not_found() -> type[Exception]:
    from storefront.core.errors import NotFound

    return NotFound


@pytest.mark.parametrize(
    "movement",
    [
        {"type": 7},
        {"amount": "1"},
        {"currency": "zzz"},
        {"created": None},
        {"net": None},
        {"source": 7},
        {"id": None},
    ],
)
async def test_a_movement_of_another_shape_is_not_booked(liar: tuple[Liar, StripeGateway], movement: Any) -> None:
    server, gateway = liar
    plain = {"id": "txn_1", "amount": 1, "created": 1, "currency": "usd", "fee": 0, "net": 1, "type": "charge"}
    server.says({"object": "list", "data": [{**plain, **movement}], "has_more": False, "url": "/v1/x"})

    with pytest.raises(GatewayFailed):
        await gateway.balance_page(after=None, since=None, at_most=10)


async def test_a_list_that_never_ends_is_not_followed(liar: tuple[Liar, StripeGateway]) -> None:
    server, gateway = liar
    server.says({"object": "list", "data": [], "has_more": True, "url": "/v1/refunds"})

    with pytest.raises(GatewayFailed):
        await gateway.reversals("pi_1")
