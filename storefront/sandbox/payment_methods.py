"""Payment methods: cards and bank accounts that were used, and those kept for a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from storefront.sandbox import bank_accounts
from storefront.sandbox.bank_accounts import BankAccount
from storefront.sandbox.cards import NAMED_CARDS, NON_TEST_CARD, Card, find_card, passes_luhn
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.method_objects import account_members, card_members, method_body
from storefront.sandbox.method_params import BILLING, CREATE, FILTERS
from storefront.sandbox.operations import Condition, Operation, equal, list_page, present
from storefront.sandbox.params import (
    EXPAND,
    Checked,
    Choice,
    Integer,
    Metadata,
    Object,
    Required,
    Text,
    missing,
    not_emulated_names,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata

YEARS_AHEAD = 3


def card_method(world: World, card: Card, *, expiry: tuple[int, int], email: str | None) -> Body:
    """The method made from a card; ``expiry`` is month and full year."""
    method = method_body(world, "card", card_members(card, expiry), email=email)
    return world.insert(method, hidden={"number": card.number})


def account_method(world: World, account: BankAccount, *, name: str | None, email: str | None) -> Body:
    """The method made from a bank account that can be debited."""
    method = method_body(world, "sepa_debit", account_members(account), email=email)
    method["billing_details"]["name"] = name
    return world.insert(method, hidden={"iban": account.iban})


def card_of(world: World, method: Body) -> Card:
    """The test card behind a method."""
    card = find_card(world.records.hidden(method["id"])["number"])
    assert card is not None, "methods are made of test cards only"
    return card


def account_of(world: World, method: Body) -> BankAccount:
    """The test bank account behind a method."""
    account = bank_accounts.find_account(world.records.hidden(method["id"])["iban"])
    assert account is not None, "methods are made of test accounts only"
    return account


def resolve(world: World, method_id: str, *, param: str | None = "payment_method") -> Body:
    """The method with this id; a name such as ``pm_card_visa`` makes a new one.

    Raises:
        ApiError: there is none.
    """
    if method_id.startswith("pm_card_") and method_id in NAMED_CARDS:
        return card_method(world, NAMED_CARDS[method_id], expiry=years_ahead(world), email=None)
    return world.get("payment_method", method_id, param=param)


def keep(world: World, method: Body, customer: str, *, is_authenticated: bool) -> None:
    """Attach a method to a customer after a payment or a set-up; kept already, it only learns what was agreed."""
    hidden = world.records.hidden(method["id"])
    if is_authenticated:
        hidden["is_set_up"] = True
    is_new = method["customer"] is None
    if is_new:
        method.update(customer=customer, allow_redisplay="limited")
    world.records.save(method, hidden=hidden)
    if is_new:
        world.emit("payment_method.attached", method)


def mark_used(world: World, method: Body) -> None:
    """Remember that a method was spent on a payment: unattached, it cannot be used again."""
    world.records.save(method, hidden={**world.records.hidden(method["id"]), "is_used": True})


def check_usable(world: World, method: Body, customer: str | None) -> None:
    """Refuse a method that belongs to somebody else, or that was spent or detached.

    Raises:
        ApiError: as Stripe says it.
    """
    if method["customer"] is not None and method["customer"] != customer:
        raise invalid(
            f"The payment method {method['id']} belongs to Customer {method['customer']}. Please include the Customer "
            "in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if method["customer"] is None and world.records.hidden(method["id"]).get("is_used"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )


def from_data(world: World, data: Checked, param: str) -> Body:
    """A method from ``payment_method_data`` or from the body of ``POST /v1/payment_methods``.

    Raises:
        ApiError: no details of its type, or none of Stripe's test numbers.
    """
    kind = data["type"]
    if kind not in data:
        raise missing(f"{param}[{kind}]" if param else kind)
    billing = data.get("billing_details") or {}
    if kind == "card":
        method = card_method(world, _card(data["card"]), expiry=_expiry(world, data["card"]), email=None)
    else:
        if not billing.get("name") or not billing.get("email"):
            lacking = "name" if not billing.get("name") else "email"
            raise missing(f"{param}[billing_details][{lacking}]" if param else f"billing_details[{lacking}]")
        method = account_method(world, _account(data["sepa_debit"]), name=None, email=None)
    _fill_in(method, data)
    return world.save(method)


def _card(given: Checked) -> Card:
    if "token" in given:
        card = NAMED_CARDS.get(given["token"]) if given["token"].startswith("tok_") else None
        if card is None:
            raise invalid(f"No such token: '{given['token']}'", param="card[token]", code="resource_missing")
        return card
    if "number" not in given:
        raise missing("card[number]")
    if not passes_luhn(given["number"]):
        raise ApiError(402, "Your card number is incorrect.", type="card_error", code="incorrect_number",
                       param="number")  # fmt: skip
    card = find_card(given["number"])
    if card is None:
        extra = {"decline_code": "test_mode_live_card"}
        raise ApiError(402, NON_TEST_CARD, type="card_error", code="card_declined", extra=extra)
    return card


def _expiry(world: World, given: Checked) -> tuple[int, int]:
    month, year = years_ahead(world)
    return given.get("exp_month", month), given.get("exp_year", year)


def years_ahead(world: World) -> tuple[int, int]:
    """Month and full year of a card that is good for a while yet."""
    today = datetime.fromtimestamp(world.now, UTC)
    return today.month, today.year + YEARS_AHEAD


def _account(given: Checked) -> BankAccount:
    iban = bank_accounts.tidy(given["iban"])
    account = bank_accounts.find_account(iban)
    if account is None:
        words = "is no test IBAN of the sandbox." if bank_accounts.is_iban(iban) else "is invalid."
        raise invalid(f"The IBAN you provided {words}", param="sepa_debit[iban]", code="invalid_bank_account_iban")
    return account


def _fill_in(method: Body, given: Checked) -> None:
    if "billing_details" in given:
        details = method["billing_details"]
        for member, value in (given["billing_details"] or {}).items():
            details[member] = {**details["address"], **(value or {})} if member == "address" else value
    if "allow_redisplay" in given:
        method["allow_redisplay"] = given["allow_redisplay"]
    if "metadata" in given:
        method["metadata"] = merged_metadata(method["metadata"], given["metadata"])


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    if "type" not in params:
        raise missing("type")
    return from_data(world, params, "")


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return present(world, resolve(world, ids[0], param=None))


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    method = world.get("payment_method", ids[0])
    if method["customer"] is None:
        raise invalid("You must attach this PaymentMethod to a customer before you can update it.")
    previous = {"billing_details": dict(method["billing_details"])}
    _fill_in(method, params)
    method.get("card", {}).update(params.get("card") or {})
    world.save(method)
    world.emit("payment_method.updated", method, previous)
    return method


def _attach(world: World, params: Checked, ids: Sequence[str]) -> Body:
    method = resolve(world, ids[0], param=None)
    customer = world.get("customer", params["customer"], param="customer")
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    check_usable(world, method, customer["id"])
    if method["type"] == "card" and method["customer"] is None:
        _check_set_up(card_of(world, method))
    if method["customer"] is None:
        method["customer"] = customer["id"]
        world.save(method)
        world.emit("payment_method.attached", method)
    return method


def _check_set_up(card: Card) -> None:
    if card.decline is not None and card.declines_set_up:
        extra = {"decline_code": card.decline.decline_code, "advice_code": card.decline.advice_code}
        raise ApiError(402, card.decline.message, type="card_error", code=card.decline.code, extra=extra)


def _detach(world: World, params: Checked, ids: Sequence[str]) -> Body:
    method = world.get("payment_method", ids[0])
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    previous = {"customer": method["customer"]}
    method["customer"] = None
    mark_used(world, method)
    world.emit("payment_method.detached", method, previous)
    return method


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


OPERATIONS = (
    Operation("POST", "payment_methods", CREATE, _create),
    Operation("GET", "payment_methods", {
        "customer": Text(), **FILTERS, **not_emulated_names("customer_account"),
    }, _list),
    Operation("GET", "payment_methods/{}", EXPAND, _retrieve),
    Operation("POST", "payment_methods/{}", {
        "allow_redisplay": Choice(("always", "limited", "unspecified")),
        "billing_details": Object(BILLING),
        "card": Object({"exp_month": Integer(1, 12), "exp_year": Integer(1970, 9999),
                        **not_emulated_names("networks")}),
        "metadata": Metadata(),
        **not_emulated_names("us_bank_account"),
        **EXPAND,
    }, _update),
    Operation("POST", "payment_methods/{}/attach", {
        "customer": Required(Text()), **not_emulated_names("customer_account"), **EXPAND,
    }, _attach),
    Operation("POST", "payment_methods/{}/detach", EXPAND, _detach),
    Operation("GET", "customers/{}/payment_methods", FILTERS, _list_of_customer),
    Operation("GET", "customers/{}/payment_methods/{}", EXPAND, _retrieve_of_customer),
)  # fmt: skip
