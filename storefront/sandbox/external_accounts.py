"""External accounts: the bank accounts that payouts go to; a test number decides how they end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storefront.sandbox.currencies import checked_currency
from storefront.sandbox.errors import invalid
from storefront.sandbox.forms import Tree
from storefront.sandbox.operations import Operation, equal, list_page, present
from storefront.sandbox.params import EXPAND, PAGE, Checked, Choice, Flag, Metadata, Object, Required, Table, Text
from storefront.sandbox.store import PLATFORM, Body
from storefront.sandbox.world import World, merged_metadata, new_id

GOOD_NUMBER = "000123456789"
TEST_TOKENS: Mapping[str, str] = {"btok_us": "000000000000", "btok_us_verified": GOOD_NUMBER}


class Failure(NamedTuple):
    """How a payout to a test number fails: at its arrival, or a day after it was called paid."""

    code: str
    message: str
    is_late: bool = False


# Source: docs.stripe.com/connect/testing. Which of them fail late is this emulator's choice: at Stripe any may.
FAILURES: Mapping[str, Failure] = {
    "000111111116": Failure("no_account", "The bank account could not be located."),
    "000111111113": Failure("account_closed", "The bank account has been closed.", is_late=True),
    "000222222227": Failure("insufficient_funds", "Your Stripe account has insufficient funds to cover the payout."),
    "000333333335": Failure(
        "debit_not_authorized", "Debit transactions are not approved on your bank account.", is_late=True
    ),
    "000444444440": Failure("invalid_currency", "The bank was unable to process this payout because of its currency."),
}


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account as a table of parameters, or as one of Stripe's test tokens (``btok_us``)."""

    def read(self, raw: Tree | str, name: str) -> Checked:
        """The parameters; a token stands for a US account with its number."""
        if isinstance(raw, str):
            if raw not in TEST_TOKENS:
                raise invalid(f"No such token: '{raw}'", param=name, code="resource_missing")
            return {"country": "US", "currency": "usd", "account_number": TEST_TOKENS[raw]}
        given = Object(_BANK_ACCOUNT).read(raw, name)
        assert given is not None, "only an empty text reads as nothing"
        return given


_BANK_ACCOUNT: Table = {
    "object": Required(Choice(("bank_account",))),
    "account_holder_name": Text(),
    "account_holder_type": Choice(("company", "individual")),
    "account_number": Required(Text(34)),
    "country": Required(Text(2)),
    "currency": Text(3),
    "routing_number": Text(20),
}


def new_bank_account(world: World, account_id: str, given: Checked, *, metadata: Mapping[str, str]) -> Body:
    """Add a bank account; the first of its currency becomes the one that payouts go to."""
    number: str = given["account_number"]
    currency = checked_currency(given.get("currency", "usd"), "external_account[currency]")
    body: Body = {
        "id": new_id("ba"),
        "object": "bank_account",
        "account": account_id,
        "account_holder_name": given.get("account_holder_name"),
        "account_holder_type": given.get("account_holder_type"),
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": given["country"].upper(),
        "currency": currency,
        "customer": None,
        "default_for_currency": default_for(world, currency) is None,
        "fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16],
        "last4": number[-4:],
        "metadata": merged_metadata({}, metadata),
        "routing_number": given.get("routing_number", "110000000"),
        "status": "new",
    }
    return world.insert(body, hidden={"number": number})


def default_for(world: World, currency: str) -> Body | None:
    """The acting account's bank account that payouts in this currency go to."""
    conditions = [equal("currency", currency), ("json_extract(body, '$.default_for_currency')", ())]
    found = world.records.select("bank_account", conditions, limit=1)
    return found[0] if found else None


def failure_of(world: World, bank_account_id: str) -> Failure | None:
    """How payouts to this bank account end, if not well."""
    return FAILURES.get(world.records.hidden(bank_account_id).get("number", ""))


def listed(world: World, account_id: str, params: Checked) -> Body:
    """A page of an account's external accounts."""
    url = f"/v1/accounts/{account_id}/external_accounts"
    with world.acting_for(owner_of(world, account_id)):
        return list_page(world, "bank_account", params, url=url)


def owner_of(world: World, account_id: str) -> str:
    """Whose objects an account's are: its own, or the platform's if it is the platform itself.

    Raises:
        ApiError: no such account.
    """
    if account_id == world.records.setting("account")["id"]:
        return PLATFORM
    if world.records.owner == account_id:
        return account_id
    return str(world.get("account", account_id)["id"])


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    with world.acting_for(owner_of(world, ids[0])):
        given, metadata = params["external_account"], params.get("metadata") or {}
        body = new_bank_account(world, ids[0], given, metadata=metadata)
        if params.get("default_for_currency"):
            _make_default(world, body)
        world.emit("account.external_account.created", body)
    return body


def _make_default(world: World, body: Body) -> None:
    before = default_for(world, body["currency"])
    if before is not None and before["id"] != body["id"]:
        world.save({**before, "default_for_currency": False})
    body["default_for_currency"] = True
    world.save(body)


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return listed(world, ids[0], params)


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    with world.acting_for(owner_of(world, ids[0])):
        return present(world, world.get("bank_account", ids[1]))


OPERATIONS = (
    Operation("POST", "accounts/{}/external_accounts", {
        "default_for_currency": Flag(),
        "external_account": Required(BankAccount()),
        "metadata": Metadata(),
        **EXPAND,
    }, _create),
    Operation("GET", "accounts/{}/external_accounts", {**PAGE, "object": Choice(("bank_account", "card"))}, _list),
    Operation("GET", "accounts/{}/external_accounts/{}", EXPAND, _retrieve),
)  # fmt: skip
