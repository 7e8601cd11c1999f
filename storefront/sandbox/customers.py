"""Customers: whom charges and kept cards belong to."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.operations import Operation, equal, filters, list_page, retrieving
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Each,
    Email,
    Integer,
    Metadata,
    Object,
    Table,
    Text,
    When,
    not_emulated_names,
)
from storefront.sandbox.payment_methods import mark_used
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id

_ADDRESS_MEMBERS = ("city", "country", "line1", "line2", "postal_code", "state")
_PLAIN = ("business_name", "description", "email", "individual_name", "name", "phone", "tax_exempt")


def new_customer(world: World, params: Checked) -> Body:
    """Add a customer and say so in an event."""
    customer_id = new_id("cus", 14)
    customer: Body = {
        "id": customer_id,
        "object": "customer",
        "address": _address(params.get("address")),
        "balance": params.get("balance", 0),
        "created": world.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": params.get("invoice_prefix") or new_id("x", 8)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **{member: params[member] for member in _PLAIN if member in params},
    }
    world.insert(customer)
    world.emit("customer.created", customer)
    return customer


def _address(given: Checked | None) -> Body | None:
    return {member: given.get(member) for member in _ADDRESS_MEMBERS} if given else None


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return new_customer(world, params)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    customer = world.get("customer", ids[0])
    before = dict(customer)
    for member in (*_PLAIN, "balance", "invoice_prefix", "preferred_locales"):
        if member in params:
            customer[member] = params[member]
    if "address" in params:
        customer["address"] = _address(params["address"])
    if "metadata" in params:
        customer["metadata"] = merged_metadata(customer["metadata"], params["metadata"])
    world.save(customer)
    changed = {member: before.get(member) for member in customer if customer[member] != before.get(member)}
    if changed:
        world.emit("customer.updated", customer, changed)
    return customer


def _delete(world: World, params: Checked, ids: Sequence[str]) -> Body:
    """Delete a customer: the methods kept for it can be used no more."""
    customer = world.get("customer", ids[0])
    for method in world.records.select("payment_method", [equal("customer", customer["id"])]):
        method["customer"] = None
        mark_used(world, method)
    world.records.delete(customer["id"])
    world.emit("customer.deleted", customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return list_page(world, "customer", params, url="/v1/customers", conditions=filters(params, "email"))


_WRITABLE: Table = {
    "address": Object({member: Text(clearable=True) for member in _ADDRESS_MEMBERS}, clearable=True),
    "balance": Integer(),
    "business_name": Text(150, clearable=True),
    "description": Text(clearable=True),
    "email": Email(clearable=True),
    "individual_name": Text(150, clearable=True),
    "invoice_prefix": Text(12),
    "metadata": Metadata(),
    "name": Text(256, clearable=True),
    "phone": Text(20, clearable=True),
    "preferred_locales": Each(Text(35)),
    "tax_exempt": Choice(("exempt", "none", "reverse")),
    **not_emulated_names(
        "cash_balance", "invoice_settings", "next_invoice_sequence", "shipping", "source", "tax", "validate"
    ),
    **EXPAND,
}
OPERATIONS = (
    Operation("POST", "customers", {
        **_WRITABLE, **not_emulated_names("payment_method", "tax_id_data", "test_clock"),
    }, _create),
    Operation("GET", "customers", {
        "created": When(), "email": Email(), **PAGE, **not_emulated_names("test_clock"),
    }, _list),
    Operation("GET", "customers/{}", EXPAND, retrieving("customer")),
    Operation("POST", "customers/{}", {**_WRITABLE, **not_emulated_names("default_source")}, _update),
    Operation("DELETE", "customers/{}", {}, _delete),
)  # fmt: skip
