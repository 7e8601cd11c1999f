"""The checkout page's second form: a bank account to debit, and what is wrong with it in words for the buyer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storefront.sandbox.bank_accounts import BankAccount, find_account, is_iban, tidy
from storefront.sandbox.card_form import is_email

DEFAULT_IBAN = "DE89 3704 0044 0532 0130 00"
DEFAULT_NAME = "Ada Lovelace"
DEFAULT_EMAIL = "ada@example.org"
NOT_A_TEST_IBAN = f"This is a test page and that is no test account. Nothing was charged. Use {DEFAULT_IBAN}."


@dataclass(slots=True)
class DebitForm:
    """One filled-in form; ``errors`` maps a field's name to the sentence shown at it."""

    name: str
    email: str
    iban: str
    errors: dict[str, str] = field(default_factory=dict)
    account: BankAccount | None = None


def blank_debit(email: str | None) -> DebitForm:
    """The form as first shown: an account that pays."""
    return DebitForm(name=DEFAULT_NAME, email=email or DEFAULT_EMAIL, iban=DEFAULT_IBAN)


def read_debit(fields: Mapping[str, str], email: str | None) -> DebitForm:
    """Check a posted form; only ``iban`` must be there, the rest have the page's defaults."""
    form = DebitForm(
        name=fields.get("name", DEFAULT_NAME).strip(),
        email=fields.get("email", email or DEFAULT_EMAIL).strip(),
        iban=fields.get("iban", "").strip(),
    )
    if not 0 < len(form.name) <= 200:
        form.errors["name"] = "Enter the name of the account’s holder"
    if not is_email(form.email):
        form.errors["email"] = "Enter an email address like name@example.org"
    iban = tidy(form.iban)
    form.account = find_account(iban)
    if not iban:
        form.errors["iban"] = "Enter an IBAN"
    elif not is_iban(iban):
        form.errors["iban"] = "Check the IBAN. One of its letters or digits is wrong."
    elif form.account is None:
        form.errors["iban"] = NOT_A_TEST_IBAN
    return form
