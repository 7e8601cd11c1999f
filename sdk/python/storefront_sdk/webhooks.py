"""Webhooks: whether a message is the shop's. Source: Standard Webhooks 1.0.0, https://www.standardwebhooks.com"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping

from storefront_sdk.errors import WebhookInvalid
from storefront_sdk.models import Event

TOLERANCE_SECONDS = 300.0


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now_seconds: float | None = None,
) -> Event:
    """Return the event of a message, once its signature is proved and it is not older than five minutes.

    ``secret`` is the endpoint's ``whsec_…``; ``headers`` have names in any case; ``body`` is exactly as it came.
    Remember ``event.id``: a message may come twice.

    Raises:
        WebhookInvalid: anything is wrong with it.
        ValueError: the secret is none.
    """
    key = _key(secret)
    identity, timestamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise _invalid("its time is no number")
    now = time.time() if now_seconds is None else now_seconds
    if abs(now - int(timestamp)) >= tolerance_seconds:
        raise _invalid("its time is too far from ours")
    signed = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(signed).decode()
    given = _header(headers, "webhook-signature").split(" ")
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in given):
        raise _invalid("no signature is right")
    try:
        return Event.of(json.loads(body), None)
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid("its body is no event") from error


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret of an endpoint begins with whsec_") from error
    if not key:
        raise ValueError("the secret of an endpoint begins with whsec_")
    return key


def _header(headers: Mapping[str, str], name: str) -> str:
    found = [value for given, value in headers.items() if given.lower() == name]
    if len(found) != 1 or not found[0]:
        raise _invalid(f"it has no {name}, or several")
    return found[0]


def _invalid(why: str) -> WebhookInvalid:
    return WebhookInvalid(f"This is no webhook of the shop: {why}.", code="webhook_invalid")
