"""Leases as the shop's own keys sign them: the customer state with ``lease_until``."""

import json
from typing import Any

from joserfc import jws
from joserfc.jwk import OKPKey

from storefront.core.sessions import SigningKeys
from storefront.testing import Shop

AT = "2026-11-21T09:30:00.000Z"
AT_SECONDS = 1_795_253_400
"""AT in seconds since 1970."""
VIP = {"active": True, "reason": "paid", "value": True, "expires_at": "2026-11-21T10:00:00.000Z"}
ROOMS = {"active": True, "reason": "paid", "value": 5, "expires_at": None}
GONE = {"active": False, "reason": "expired", "value": True, "expires_at": AT}


def state(customer: str, *, version: int = 3, **more: Any) -> dict[str, Any]:
    """Return a customer state of ``AT`` as ``GET /v1/me`` answers it."""
    rights = {"vip": VIP, "rooms": ROOMS, "gone": GONE}
    times = {"as_of": AT, "server_time": AT, "fresh_until": None}
    held = {"wallets": {"gems": {"balance": 500, "available": 500}}, "items": [], "entitlements": rights}
    return {"customer": customer, "version": version, **times, **held, **more}


def sign(shop: Shop, payload: Any, *, typ: str = "lease+jwt", key: OKPKey | None = None, **header: Any) -> str:
    """Return a compact JWS by the shop's signing key, or another under its name."""
    keys = SigningKeys.load_or_create(shop.parts.host.config.data_dir / "keys")
    head = {"alg": "Ed25519", "typ": typ, "kid": keys.kid, **header}
    content = json.dumps(payload).encode()
    return str(jws.serialize_compact(head, content, key or keys.signing_key, algorithms=["Ed25519"]))


def leased(shop: Shop, customer: str, *, until: str = "2026-11-21T10:30:00.000Z", **more: Any) -> str:
    """Return the answer of ``GET /v1/me`` with a lease in it."""
    told = state(customer, **more)
    return json.dumps({**told, "lease": sign(shop, {**told, "lease_until": until})})
