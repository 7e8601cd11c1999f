"""Stripe's test bank accounts for SEPA direct debit, and how each one's bank answers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from storefront.sandbox.cards import Decline

# Source: docs.stripe.com/payments/sepa-debit (testing).

SETTLES_AFTER_SECONDS = 3 * 24 * 3600
NOT_A_TEST_IBAN = (
    "This is a test page and that is no test account. Nothing was charged. Use DE89 3704 0044 0532 0130 00."
)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One test account; without a decline its bank pays after three days."""

    iban: str
    decline: Decline | None = None
    is_disputed: bool = False

    @property
    def country(self) -> str:
        return self.iban[:2]

    @property
    def last4(self) -> str:
        return self.iban[-4:]

    @property
    def bank_code(self) -> str:
        return self.iban[4:12]

    @property
    def fingerprint(self) -> str:
        """Sixteen letters and digits, the same for the same account in every database."""
        return hashlib.sha256(f"sandbox account {self.iban}".encode()).hexdigest()[:16]


def _refused(code: str, message: str) -> Decline:
    return Decline(code, code, message, None, "The bank did not return any further details with this failure.")


REFUSED = _refused("debit_not_authorized", "The transaction was not authorised by the account holder.")
_FUNDS = _refused("insufficient_funds", "The customer's account has insufficient funds to cover this payment.")
_ACCOUNTS = (
    BankAccount("DE89370400440532013000"),
    BankAccount("AT611904300234573201"),
    BankAccount("FR1420041010050500013M02606"),
    BankAccount("NL39RABO0300065264"),
    BankAccount("DE62370400440532013001", decline=REFUSED),
    BankAccount("DE35370400440532013002", is_disputed=True),
    BankAccount("DE65370400440002222227", decline=_FUNDS),
)
_BY_IBAN = {account.iban: account for account in _ACCOUNTS}


def tidy(text: str) -> str:
    """An IBAN without the spaces that people write."""
    return re.sub(r"[\s-]", "", text).upper()


def find_account(iban: str) -> BankAccount | None:
    """The test account with this IBAN, if the emulator knows it."""
    return _BY_IBAN.get(iban)


def is_iban(iban: str) -> bool:
    """Whether letters and digits could be an account at all: the shape, and the check digits (modulo 97)."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", iban, re.ASCII):
        return False
    digits = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
