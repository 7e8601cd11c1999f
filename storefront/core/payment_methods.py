"""Saved payment methods: a gateway keeps them, we know which customer may use which.

A method is saved on the gateway's own page, with a payment or without one (a *setup*). We store what a person needs
to recognise it, never a number. Charging it later, while its owner is away, is ``opening.py``'s business.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound, Unavailable
from storefront.core.gateways import PaymentState, SavedMethod, SavesMethods, SetupRequest
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import payers, payment_methods, setups

TIMES_DECIDED = 5
FORGOTTEN = "payment_method.forgotten"
"""Told of a method by its id (the event's subject), in its customer's sequence."""
_PAYER = Query(
    select(payers).where(payers.c.customer_id == bindparam("customer_id"), payers.c.gateway == bindparam("gateway"))
)
_METHOD = Query(select(payment_methods).where(payment_methods.c.id == bindparam("id")))
_METHODS = Query(
    select(payment_methods)
    .where(payment_methods.c.customer_id == bindparam("customer_id"), payment_methods.c.forgotten_at.is_(None))
    .order_by(payment_methods.c.id)
)
_SETUP = Query(select(setups).where(setups.c.id == bindparam("id")))
_SETUP_BY_REFERENCE = Query(
    select(setups).where(setups.c.gateway == bindparam("gateway"), setups.c.gateway_ref == bindparam("reference"))
)

log = structlog.get_logger("storefront.payment_methods")


def method_id(gateway: str, reference: str) -> str:
    """Return our id of a gateway's method: the same each time it is met, whoever meets it first."""
    digest = hashlib.sha256(f"{len(gateway)}:{gateway}:{reference}".encode()).digest()
    return "pmt_" + base64.b32encode(digest).decode().lower()[:26]


async def payer_of(services: Services, gateway_name: str, customer_id: str) -> str:
    """Return the gateway's id of a customer, made there at the first need.

    Raises:
        Invalid: the gateway keeps no methods.
        GatewayFailed: ask again later.
    """
    known = await services.reader.first(_PAYER, customer_id=customer_id, gateway=gateway_name)
    if known is not None:
        return str(known["reference"])
    reference = await keeper(services, gateway_name).make_payer(customer_id)
    row = {
        "customer_id": customer_id,
        "gateway": gateway_name,
        "reference": reference,
        "created_at": services.clock.now(),
    }
    plan = Plan(actor=f"gateway:{gateway_name}", anchors={customer_id})
    plan.add(Insert("payers", (customer_id, gateway_name), customer_id, row, once=True))
    await services.engine.commit(plan)
    return reference


def keeper(services: Services, gateway_name: str) -> SavesMethods:
    """Return a gateway that keeps payment methods; raises ``Invalid``."""
    gateway = services.gateway(gateway_name)
    if not isinstance(gateway, SavesMethods):
        raise Invalid(
            f"{gateway_name} keeps no payment methods.", errors=[FieldError("/gateway", "keeps no payment methods")]
        )
    return gateway


async def need_method(services: Services, customer_id: str, wanted: str) -> Row:
    """Return a customer's own method; another's answers like a missing one (``NotFound``)."""
    row = await services.reader.first(_METHOD, id=wanted)
    if row is None or row["customer_id"] != customer_id or row["forgotten_at"] is not None:
        raise NotFound("There is no such payment method.")
    return row


async def chosen_method(services: Services, wanted: str) -> Row:
    """Return the method that a payment was begun with, also one that was forgotten meanwhile: the gateway decides."""
    row = await services.reader.first(_METHOD, id=wanted)
    assert row is not None, "a method's row is never removed"
    return row


async def check_method(
    services: Services, customer_id: str, gateway_name: str, *, method: str | None, saves: bool
) -> None:
    """Refuse a method that is not the customer's or lies elsewhere, and the wish to save one where none is kept."""
    if saves:
        keeper(services, gateway_name)
    if method is None:
        return
    row = await need_method(services, customer_id, method)
    if row["gateway"] != gateway_name:
        raise Invalid(
            f"This method is kept by {row['gateway']}.",
            errors=[FieldError("/payment_method", f"is not kept by {gateway_name}")],
        )


async def list_methods(services: Services, customer_id: str) -> Sequence[Mapping[str, Any]]:
    """Return a customer's saved methods as JSON."""
    return [method_json(row) for row in await services.reader.all(_METHODS, customer_id=customer_id)]


async def list_methods_with_references(services: Services, customer_id: str) -> Sequence[Mapping[str, Any]]:
    """Return the same for operators, each with its ``reference``: what its gateway calls it."""
    rows = await services.reader.all(_METHODS, customer_id=customer_id)
    return [{**method_json(row), "reference": row["reference"]} for row in rows]


def method_json(row: Row) -> dict[str, Any]:
    names = ("id", "gateway", "kind", "brand", "last4", "expires")
    return {**{name: row[name] for name in names}, "created_at": iso(row["created_at"])}


def keep_method(plan: Plan, customer_id: str, gateway_name: str, method: SavedMethod, now: int) -> str:
    """Add a method that a gateway has saved to a plan of its customer's; one that is known stays. Return its id."""
    known_as = method_id(gateway_name, method.reference)
    row = {
        "id": known_as,
        "customer_id": customer_id,
        "gateway": gateway_name,
        "reference": method.reference,
        "kind": method.kind,
        "brand": method.brand,
        "last4": method.last4,
        "expires": method.expires,
        "fingerprint": method.fingerprint,
        "created_at": now,
        "forgotten_at": None,
    }
    plan.add(Insert("payment_methods", (known_as,), customer_id, row, once=True))
    return known_as


async def forget_method(services: Services, customer_id: str, wanted: str, *, actor: str) -> None:
    """Forget a method here and at its gateway; charges that were made with it stay. Safe to repeat."""
    row = await services.reader.first(_METHOD, id=wanted)
    if row is None or row["customer_id"] != customer_id:
        raise NotFound("There is no such payment method.")
    if row["forgotten_at"] is not None:
        return  # the reply of an earlier call was lost
    await keeper(services, row["gateway"]).forget_method(row["reference"])
    now = services.clock.now()
    plan = Plan(actor=actor, anchors={customer_id})
    plan.add(Change("payment_methods", (wanted,), customer_id, {"forgotten_at": None}, {"forgotten_at": now}))
    plan.emit(FORGOTTEN, anchor=customer_id, subject=wanted, payload={"method": wanted})
    record_action(plan, FORGOTTEN, actor=actor, about=wanted, facts={"customer": customer_id},
                  now=now, wall=services.clock.wall())  # fmt: skip
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("method_forgotten_already", method=wanted)


async def open_setup(
    services: Services,
    customer_id: str,
    gateway_name: str,
    *,
    currency: str,
    return_url: str,
    network: str | None,
) -> dict[str, Any]:
    """Open a page of the gateway's on which a customer saves a method without paying; return the setup as JSON.

    Cards that are declined there count against ``network``, from where it was asked for, if that is the customer's.

    Raises:
        Invalid: the gateway keeps no methods.
        GatewayFailed: nothing was opened; ask again.
    """
    gateway = keeper(services, gateway_name)
    payer = await payer_of(services, gateway_name, customer_id)
    setup_id, now = new_id("set"), services.clock.now()
    joint = "&" if "?" in return_url else "?"
    row = {
        "id": setup_id,
        "customer_id": customer_id,
        "gateway": gateway_name,
        "gateway_ref": None,
        "state": "open",
        "redirect_url": None,
        "method_id": None,
        "created_at": now,
        "updated_at": now,
        "network": network,
    }
    plan = Plan(actor=f"customer:{customer_id}", anchors={customer_id})
    plan.add(Insert("setups", (setup_id,), customer_id, row))
    await services.engine.commit(plan)
    request = SetupRequest(
        setup_id=setup_id,
        customer_id=customer_id,
        payer=payer,
        currency=currency,
        success_url=f"{return_url}{joint}setup={setup_id}",
        cancel_url=f"{return_url}{joint}setup={setup_id}&canceled=1",
    )
    opened = await gateway.open_setup(request)
    changes = {"gateway_ref": opened.reference, "redirect_url": opened.redirect_url}
    plan = Plan(actor=f"customer:{customer_id}", anchors={customer_id})
    plan.add(Change("setups", (setup_id,), customer_id, {"state": "open"}, changes))
    await services.engine.commit(plan)
    return setup_json({**row, **changes})


async def show_setup(services: Services, customer_id: str, setup_id: str) -> dict[str, Any]:
    """Ask the gateway how a customer's setup ended, and return it as it is then."""
    row = await services.reader.first(_SETUP, id=setup_id)
    if row is None or row["customer_id"] != customer_id:
        raise NotFound("There is no such setup.")
    if row["state"] == "open" and row["gateway_ref"] is not None:
        await settle_setup(services, row["gateway"], row["gateway_ref"])
        row = await services.reader.first(_SETUP, id=setup_id)
        assert row is not None, "a setup is never removed"
    return setup_json(row)


async def settle_setup(services: Services, gateway_name: str, reference: str) -> bool:
    """Bring a setup to where the gateway says it is; False if it is none of ours. Safe at any time."""
    for _ in range(TIMES_DECIDED):
        row = await services.reader.first(_SETUP_BY_REFERENCE, gateway=gateway_name, reference=reference)
        if row is None:
            return False
        facts = await keeper(services, gateway_name).look_up_setup(reference)
        if row["state"] != "open" or facts.state is PaymentState.AWAITING or facts.setup_id != row["id"]:
            return True
        customer_id, now = row["customer_id"], services.clock.now()
        plan = Plan(actor=f"gateway:{gateway_name}", anchors={customer_id})
        changes: dict[str, Any] = {"state": "closed", "updated_at": now}
        if facts.method is not None:
            changes |= {"state": "saved", "method_id": keep_method(plan, customer_id, gateway_name, facts.method, now)}
        plan.add(Change("setups", (row["id"],), customer_id, {"state": "open"}, changes))
        plan.emit(f"payment_method.{changes['state']}", anchor=customer_id, subject=row["id"],
                  payload={"setup": row["id"], "method": changes.get("method_id")})  # fmt: skip
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return True
    raise Unavailable("Too much is changing at once; try again.")


async def network_of_setup(services: Services, setup_id: str) -> str | None:
    """Return from where the saving of a method was begun, as long as that is known."""
    row = await services.reader.first(_SETUP, id=setup_id)
    return None if row is None else row["network"]


def setup_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wire shape of a setup; send its customer to ``redirect_url`` while it is open."""
    return {
        "id": row["id"],
        "gateway": row["gateway"],
        "state": row["state"],
        "redirect_url": row["redirect_url"] if row["state"] == "open" else None,
        "payment_method": row["method_id"],
        "created_at": iso(row["created_at"]),
    }
