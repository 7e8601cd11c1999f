"""Planted violations of tax and receipts, on the purchase of 500 gems for 4.99 USD."""

import json
from typing import Any

from joserfc import jws
from joserfc.jwk import OKPKey

PURCHASE = "pur_pack"
KEY = OKPKey.generate_key("Ed25519")
KID = KEY.thumbprint()


def _tax(base: int, amount: int) -> str:
    """Return SQL that puts German VAT of 19 % on the purchase's lines, inside its price."""
    line = {
        "type": "tax",
        "title": "VAT 19%",
        "jurisdiction": "DE",
        "name": "VAT",
        "class": "digital",
        "percent": "19",
        "included": True,
        "base": {"amount": base, "currency": "USD"},
        "total": {"amount": amount, "currency": "USD"},
    }
    return f"UPDATE purchases SET lines = '{json.dumps([line])}' WHERE id = '{PURCHASE}'"


def _booked(amount: int) -> list[str]:
    """Return SQL that moves so much of the purchase's revenue to the tax account."""
    entry = f"(SELECT id FROM entries WHERE about = '{PURCHASE}')"
    revenue = f"entry_id = {entry} AND destination = 'platform:revenue:USD'"
    return [
        "INSERT INTO accounts VALUES ('tax:DE:USD', 'tax', 'DE', 'USD', 0, 0, NULL)",
        f"UPDATE transfers SET amount = amount - {amount} WHERE {revenue}",
        f"INSERT INTO transfers SELECT entry_id, (SELECT max(position) + 1 FROM transfers WHERE entry_id = {entry}), "
        f"source, 'tax:DE:USD', asset, {amount} FROM transfers WHERE {revenue}",
    ]


def _receipt(number: int, *, total: int = 499, key: OKPKey = KEY) -> str:
    document: dict[str, Any] = {
        "kind": "receipt",
        "series": "TEST-R",
        "number": number,
        "customer": "cus_ada",
        "purchase": {"id": PURCHASE},
        "total": {"amount": total, "currency": "USD"},
    }
    header = {"alg": "Ed25519", "kid": KID}
    token = jws.serialize_compact(header, json.dumps(document).encode(), key, algorithms=["Ed25519"])
    return (
        f"INSERT INTO receipts VALUES ('TEST-R', {number}, 'receipt', '{PURCHASE}', '{PURCHASE}', 'cus_ada', 1, 0, "
        f"'{KID}', '{token}')"
    )


_KEPT = f"INSERT INTO receipt_keys VALUES ('{KID}', '{json.dumps(KEY.as_dict(private=False))}', 0)"

TAX_AND_RECEIPTS: dict[str, tuple[str, list[str], str]] = {
    "tax that was never booked": (
        "L10-tax",
        [_tax(419, 80)],
        f"purchase {PURCHASE} booked 80 less to tax:DE:USD than its lines say",
    ),
    "tax booked that stands on no line": (
        "L10-tax",
        _booked(80),
        f"booked 80 to tax:DE:USD, but {PURCHASE} has no tax on its lines",
    ),
    "tax rounded down": (
        "E4-tax",
        [_tax(420, 79), *_booked(79)],
        f"purchase {PURCHASE} says 79 USD of tax, but 19 % for DE make 80",
    ),
    "tax on a price that nobody paid": (
        "E4-tax",
        [_tax(100, 19), *_booked(19)],
        f"purchase {PURCHASE} cost 499 USD, but base and tax make 119",
    ),
    "a number that was passed over": ("L11", [_KEPT, _receipt(2)], "series TEST-R has a gap before 2"),
    "a receipt for another sum": (
        "L11-documents",
        [_KEPT, _receipt(1, total=498)],
        "says 498 USD, the books 499 USD",
    ),
    "a receipt signed by somebody else": (
        "L11-documents",
        [_KEPT, _receipt(1, key=OKPKey.generate_key("Ed25519"))],
        "has no good signature",
    ),
    "a receipt whose key was not kept": ("L11-documents", [_receipt(1)], "which is not kept"),
}
