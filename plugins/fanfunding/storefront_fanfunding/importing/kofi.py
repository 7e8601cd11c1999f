"""Ko-fi's webhook: a form whose field ``data`` is JSON, with a token that only Ko-fi and the creator know.

Source: Ko-fi's page "Webhooks" (ko-fi.com/manage/webhooks). It tells of donations, memberships, shop orders and
commissions alike; ``amount`` is decimal text, ``message_id`` the same when it tells again.
"""

import hmac
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec

from storefront.core.errors import FieldError, Invalid, Unauthorized
from storefront.core.money import MAX_AMOUNT, Money
from storefront.design.money import exponent_of
from storefront_fanfunding.importing.contributions import Contribution

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class _Told(msgspec.Struct):
    verification_token: str
    message_id: str
    type: str
    amount: str
    currency: str
    is_public: bool = True
    from_name: str | None = None
    message: str | None = None
    email: str | None = None
    is_subscription_payment: bool = False


class Kofi:
    """Reads what Ko-fi tells of one creator's page there."""

    name: ClassVar[str] = "kofi"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": "Ko-fi's webhook of this creator's page.",
        "properties": {
            "token": {
                "type": "string",
                "description": "The verification token of Ko-fi's page Webhooks.",
                "secret": True,
                "minLength": 8,
                "examples": ["${KOFI_TOKEN}"],
            },
        },
        "required": ["token"],
        "additionalProperties": False,
        "examples": [{"token": "${KOFI_TOKEN}"}],
    }

    def __init__(self, section: Mapping[str, Any]) -> None:
        self._token = section["token"]

    def read(self, headers: Mapping[str, str], body: bytes) -> Contribution | None:
        """Return what a message tells of; raises ``Unauthorized``, ``Invalid``."""
        told = _told(body)
        if not hmac.compare_digest(told.verification_token.encode(), self._token.reveal().encode()):
            raise Unauthorized("This is not Ko-fi's verification token.")
        amount = _amount_of(told)
        if amount.amount_minor == 0:
            return None
        shown = told.is_public
        return Contribution(
            id=told.message_id,
            fan=told.email or told.from_name,
            name=told.from_name,
            message=(told.message or "") if shown else "",
            amount=amount,
        )


def _told(body: bytes) -> _Told:
    try:
        [text] = parse_qs(body.decode(), strict_parsing=True, max_num_fields=20)["data"]
        told = msgspec.json.decode(text, type=_Told)
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise _unreadable("") from error
    if not 1 <= len(told.message_id) <= 100 or not told.message_id.isprintable():
        raise _unreadable("/message_id")
    return told


def _amount_of(told: _Told) -> Money:
    if _AMOUNT.fullmatch(told.amount) is None or _CURRENCY.fullmatch(told.currency) is None:
        raise _unreadable("/amount")
    try:
        minor = Decimal(told.amount).scaleb(exponent_of(told.currency))
    except (KeyError, ValueError) as error:
        raise _unreadable("/currency") from error
    if minor != minor.to_integral_value() or minor > MAX_AMOUNT:
        raise _unreadable("/amount")
    return Money(int(minor), told.currency)


def _unreadable(pointer: str) -> Invalid:
    return Invalid("This is no message of Ko-fi's.", errors=[FieldError(pointer, "cannot be read")])
