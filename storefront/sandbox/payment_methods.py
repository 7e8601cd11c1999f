"""Payment methods: the cards that were used, and those kept for a customer."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.cards import Card
from storefront.sandbox.operations import Condition, Operation, equal, list_page, present, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Choice, Text, not_emulated_names
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def new_method(world: World, card: Card, *, expiry: tuple[int, int], email: str | None) -> Body:
    """The method made from a card typed into the checkout page; ``expiry`` is month and full year."""
    method: Body = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": email,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": card.cvc_check,
            },
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": expiry[0],
            "exp_year": expiry[1],
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    return world.insert(method, hidden={"number": card.number})


def _conditions(params: Checked) -> list[Condition]:
    return [equal(member, params[member]) for member in ("allow_redisplay", "type", "customer") if member in params]


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    if "customer" not in params:
        # Stripe lists only methods that are attached to somebody.
        attached: Condition = ("json_extract(body, '$.customer') IS NOT NULL", ())
        conditions = [attached, *_conditions(params)]
    else:
        world.get("customer", params["customer"], param="customer")
        conditions = _conditions(params)
    return list_page(world, "payment_method", params, url="/v1/payment_methods", conditions=conditions)


def _list_of_customer(world: World, params: Checked, ids: Sequence[str]) -> Body:
    customer = world.get("customer", ids[0])
    conditions = [equal("customer", customer["id"]), *_conditions(params)]
    url = f"/v1/customers/{customer['id']}/payment_methods"
    return list_page(world, "payment_method", params, url=url, conditions=conditions)


def _retrieve_of_customer(world: World, params: Checked, ids: Sequence[str]) -> Body:
    world.get("customer", ids[0])
    method = world.get("payment_method", ids[1])
    if method["customer"] != ids[0]:
        method = world.get("payment_method", "")
    return present(world, method)


_FILTERS = {
    "allow_redisplay": Choice(("always", "limited", "unspecified")),
    "type": Choice(("card",)),
    **PAGE,
}
OPERATIONS = (
    Operation("GET", "payment_methods", {
        "customer": Text(), **_FILTERS, **not_emulated_names("customer_account"),
    }, _list),
    Operation("GET", "payment_methods/{}", EXPAND, retrieving("payment_method")),
    Operation("GET", "customers/{}/payment_methods", _FILTERS, _list_of_customer),
    Operation("GET", "customers/{}/payment_methods/{}", EXPAND, _retrieve_of_customer),
)  # fmt: skip
