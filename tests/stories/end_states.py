"""Where lives have ended: all that the shop and its ledger say of a customer, without times and ids."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.testing import Shop
from tests.stories.lives import Life

_ID = re.compile(r"\b([a-z]{2,5})_[A-Za-z0-9]{10,}\b")
_TIMES = ("_at", "_until")
_ROWS = {
    "items": ("sku", "quantity", "frozen"),
    "entitlements": ("key", "source_type", "value", "ended_at", "frozen_by"),
    "debts": ("asset", "amount"),
    "payments": ("state", "received_amount", "received_currency", "saves_method"),
    "payment_methods": ("kind", "brand", "last4", "forgotten_at"),
    "setups": ("state",),
    "reversals": ("number", "cause", "amount", "currency", "state", "taken_back", "reason", "actor"),
}

State = dict[str, Any]


async def end_states(shop: Shop, lives: Sequence[Life], *, only: Sequence[Life] | None = None) -> dict[str, State]:
    """Return what the books say of each life, or of some of them: customer -> state.

    Every entry of the ledger must belong to one of ``lives``.
    """
    ledgers = _ledgers(shop, lives)
    states = {}
    for life in lives if only is None else only:
        customer = _id_of(shop, life)
        purchases = [await shop.seen(purchase) for purchase in life.purchases]
        wallets = (await shop.as_server().get(f"/v1/customers/{life.customer}")).json["wallets"]
        states[life.customer] = {
            "purchases": [_bare(one, life, customer) for one in purchases],
            "wallets": _bare(wallets, life, customer),
            "open freezes": len(_open_freezes(shop, customer)),
            "ledger": dict(sorted(ledgers.get(customer, Counter()).items())),
            "alarms": sorted(_alarms(shop, life)),
            **{table: _rows(shop, table, life, customer) for table in _ROWS},
        }
    return states


def facts_of(state: State) -> dict[str, Any]:
    """Return of an end state what a story says of its end beforehand."""
    purchase, ledger = state["purchases"][0], state["ledger"]
    return {
        "status": purchase["status"],
        "refunded": purchase["refunded"],
        "dispute": purchase["dispute"],
        "gems": ledger.get("customer:*:gems", 0),
        "revenue": sum(amount for account, amount in ledger.items() if account.startswith("platform:revenue:")),
        "debt": sum(row["amount"] for row in state["debts"]),
        "entitlements": [row["key"] for row in state["entitlements"] if not row["ended"]],
    }


def _id_of(shop: Shop, life: Life) -> str:
    return str(shop.query("SELECT id FROM customers WHERE external_id = ?", life.customer)[0]["id"])


def _rows(shop: Shop, table: str, life: Life, customer: str) -> list[Any]:
    found = shop.query(f"SELECT * FROM {table} WHERE customer_id = ?", customer)
    # Of a time it only counts whether there is one: ``ended_at`` becomes ``ended``.
    kept = [
        {name.removesuffix("_at"): bool(row[name]) if name.endswith(_TIMES) else row[name] for name in _ROWS[table]}
        for row in found
    ]
    return sorted((_bare(row, life, customer) for row in kept), key=msgspec.json.encode)


def _open_freezes(shop: Shop, customer: str) -> list[Any]:
    # Closed ones are history: who was told late set nothing aside that was given back already.
    return shop.query("SELECT id FROM freezes WHERE customer_id = ? AND state = 'open'", customer)


def _alarms(shop: Shop, life: Life) -> list[str]:
    ours = [one["id"] for one in life.purchases]
    ours += [row["id"] for one in ours for row in shop.query("SELECT id FROM reversals WHERE purchase_id = ?", one)]
    return [row["kind"] for one in ours for row in shop.query("SELECT kind FROM alarms WHERE about = ?", one)]


def _bare(value: Any, life: Life, customer: str) -> Any:
    """Return JSON without times, and with every id and name of a customer made the same."""
    if isinstance(value, dict):
        return {name: _bare(inner, life, customer) for name, inner in value.items() if not name.endswith(_TIMES)}
    if isinstance(value, (list, tuple)):
        return [_bare(inner, life, customer) for inner in value]
    if isinstance(value, str):
        return _ID.sub(r"\1_*", value.replace(customer, "*").replace(life.customer, "*"))
    return value


def _ledgers(shop: Shop, lives: Sequence[Life]) -> Mapping[str, Counter[str]]:
    """Return customer id -> account (its owner left out) -> what went into it, less what went out of it."""
    owners = _owners(shop, lives)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    rows = shop.query(
        "SELECT e.*, t.source, t.destination, t.amount FROM entries e JOIN transfers t ON t.entry_id = e.id"
    )
    for row in rows:
        owner = owners.get(row["anchor"]) or owners.get(row["about"])
        assert owner is not None, f"an entry is about nobody's money: {row}"
        for account, amount in ((row["source"], -row["amount"]), (row["destination"], row["amount"])):
            found[owner][account.replace(owner, "*")] += amount
    return {owner: Counter({name: n for name, n in accounts.items() if n}) for owner, accounts in found.items()}


def _owners(shop: Shop, lives: Sequence[Life]) -> Mapping[str, str]:
    """Return whose everything is that entries are about: purchases, reversals and the gateway's movements."""
    owners = {row["id"]: row["id"] for row in shop.query("SELECT id FROM customers")}
    for table in ("purchases", "reversals"):
        owners |= {row["id"]: row["customer_id"] for row in shop.query(f"SELECT id, customer_id FROM {table}")}
    payouts = {payout["id"]: _id_of(shop, life) for life in lives for payout in life.payouts}
    for row in shop.query("SELECT id, about, source FROM gateway_movements"):
        owner = owners.get(row["about"]) or payouts.get(row["source"])
        if owner is not None:
            owners[row["id"]] = owner
    return owners
