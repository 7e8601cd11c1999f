"""Webhooks: the signature over the raw bytes, and whom to ask about what an event says.

An event is a hint. Nothing of what it states is taken over: only ids, which are then looked up.
"""

import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import stripe

from storefront.core.gateways import BadSignature, GatewayEvent, Subject
from storefront.core.gateways.stripe.client import MOST_PER_PAGE, Page, StripeAccount
from storefront.core.ids import is_id

TOLERANCE_SECONDS = 300

_ID = re.compile(r"[A-Za-z0-9_]{1,255}")

# The object that an event carries -> what to look up.
_SUBJECTS = {
    "account": Subject.ACCOUNT,
    "charge": Subject.PAYMENT,
    "checkout.session": Subject.PAYMENT,
    "dispute": Subject.DISPUTE,
    "payment_intent": Subject.PAYMENT,
    "payout": Subject.PAYOUT,
    "radar.early_fraud_warning": Subject.WARNING,
    "refund": Subject.REFUND,
    "review": Subject.PAYMENT,
    "setup_intent": Subject.SETUP,
    "transfer": Subject.TRANSFER,
}

# Of a payment, only its session is what ``look_up`` takes; the others name the money, or carry our own id.
_WITHOUT_REFERENCE = frozenset({"charge", "payment_intent", "review"})
# Where our own id of the purchase stands: we wrote it there, or Stripe copied it from the intent.
_WITH_OUR_ID = frozenset({"charge", "checkout.session", "payment_intent", "refund"})
_DECLINES = frozenset({"payment_intent.payment_failed", "setup_intent.setup_failed"})


class _Envelope(msgspec.Struct):
    """What every Stripe event has; the rest of it is forgotten."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
    type: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,255}$")]
    data: dict[str, Any] = {}
    livemode: bool = False
    account: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,255}$")] | None = None
    api_version: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class EventReading(StripeAccount):
    """Reading webhooks, those of connected accounts under a secret of their own, and asking for missed ones."""

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        signature = headers.get("Stripe-Signature", "")
        try:
            payload = raw.decode()
        except UnicodeDecodeError as error:
            raise BadSignature("This is not a Stripe event.") from error
        is_own = _is_signed(payload, signature, self._webhook_secrets)
        is_of_connect = _is_signed(payload, signature, self._connect_webhook_secrets)
        if not is_own and not is_of_connect:
            raise BadSignature
        event = _event(raw, self._account)
        if not is_own and event.account == "":
            raise BadSignature("The endpoint for connected accounts hears of connected accounts only.")
        if not is_of_connect and event.account not in ("", self._account):
            raise BadSignature("Of connected accounts their own endpoint hears: connect_webhook_secret is its secret.")
        return event

    def reread_event(self, raw: bytes) -> GatewayEvent:
        return _event(raw, self._account)

    async def events_page(
        self, *, after: str | None, since: int | None, at_most: int
    ) -> Sequence[tuple[GatewayEvent, bytes]]:
        """Return what Stripe told, oldest first. It lists backwards, and keeps events for 30 days."""
        if after is not None:
            found = await self._told_after(after, at_most)
        else:
            found = await self._told_since(since, at_most)
        raws = [msgspec.json.encode(one) for one in found]
        return [(_event(raw, self._account), raw) for raw in raws]

    async def _told_after(self, after: str, at_most: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < at_most:
            limit = min(at_most - len(found), MOST_PER_PAGE)
            page = await self._told({"ending_before": found[-1]["id"] if found else after, "limit": limit})
            found += reversed(page.data)
            if len(page.data) < limit:
                break
        return found

    async def _told_since(self, since: int | None, at_most: int) -> list[Any]:
        wanted: dict[str, Any] = {"limit": MOST_PER_PAGE}
        if since is not None:
            wanted["created"] = {"gte": since // 1000}
        oldest: deque[Any] = deque(maxlen=at_most)
        while True:
            page = await self._told(wanted)
            oldest.extend(page.data)
            if not page.has_more or not page.data:
                return [*reversed(oldest)]
            wanted = {**wanted, "starting_after": page.data[-1]["id"]}

    async def _told(self, wanted: Mapping[str, Any]) -> Page:
        parameters: Any = dict(wanted)
        return await self._read("events", Page, lambda client: client.v1.events.list_async(parameters))


def _is_signed(payload: str, signature: str, secrets: tuple[str, ...]) -> bool:
    """Tell whether one of ``secrets`` signed this within the tolerance; the library looks at the past only."""
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        except stripe.SignatureVerificationError:
            continue
        stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
        return all(int(stamp) <= time.time() + TOLERANCE_SECONDS for stamp in stamps)
    return False


def _event(raw: bytes, account: str | None) -> GatewayEvent:
    """Read from an event whom to ask about; raises ``BadSignature`` for bytes that are no event."""
    try:
        event = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadSignature("This is not a Stripe event.") from error
    given = event.data.get("object")
    facts: dict[str, Any] = given if isinstance(given, dict) else {}
    named = facts.get("object")
    kind = named if isinstance(named, str) else ""
    subject = _SUBJECTS.get(kind, Subject.OTHER)
    if kind == "checkout.session" and facts.get("mode") == "setup":
        subject = Subject.SETUP
    has_reference = subject is not Subject.OTHER and kind not in _WITHOUT_REFERENCE
    return GatewayEvent(
        id=event.id,
        type=event.type,
        account=event.account or account or "",
        is_live=event.livemode,
        reference=_id(facts.get("id")) if has_reference else None,
        purchase_id=_our_id(facts, "purchase_id", "pur") if kind in _WITH_OUR_ID else None,
        subject=subject,
        payment=_id(facts.get("id") if kind == "payment_intent" else facts.get("payment_intent")),
        is_decline=event.type in _DECLINES,
        note=_note(event.api_version),
        setup_id=_our_id(facts, "setup_id", "set") if subject is Subject.SETUP else None,
    )


def _id(value: object) -> str | None:
    """Return an id of Stripe's; an expanded object is named by its own."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and _ID.fullmatch(value) is not None else None


def _our_id(facts: Mapping[str, Any], name: str, prefix: str) -> str | None:
    metadata = facts.get("metadata")
    found = metadata.get(name) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and is_id(found, prefix) else None


def _note(version: str | None) -> str | None:
    if version == stripe.api_version:
        return None
    return f"written in Stripe's API {version or '(unnamed)'}, not {stripe.api_version}: only its ids are used"
