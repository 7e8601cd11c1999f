"""The lease of a customer's state: signed by the shop's key, for a time, and as new as the state."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from storefront.testing import TINY_SHOP, running_shop

HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def leased(shop, **headers: str) -> Any:
    return await shop.as_customer("ada").get("/v1/me", **headers)


async def proved(shop, answer) -> Any:
    """Return what a lease says, proved by the published keys alone."""
    keys = (await shop.as_nobody().get("/.well-known/jwks.json")).json
    found = jws.deserialize_compact(answer.json["lease"], KeySet.import_key_set(keys), algorithms=["Ed25519"])
    assert found.headers()["typ"] == "lease+jwt"
    return msgspec.json.decode(found.payload)


async def test_a_lease_is_the_state_itself_signed_for_at_most_three_days(shop):
    answer = await leased(shop)
    told = await proved(shop, answer)
    until = told.pop("lease_until")
    assert told == {name: value for name, value in answer.json.items() if name != "lease"}
    assert 54 * HOUR < at(until) - at(told["server_time"]) <= 72 * HOUR
    named = await shop.as_server().get("/v1/customers/ada")
    assert (await proved(shop, named))["customer"] == "ada"


async def test_a_lease_is_as_new_as_the_state_and_renewed_while_nothing_changes(shop):
    first = await leased(shop)
    etag = first.headers["ETag"]
    assert (await leased(shop)).json["lease"] == first.json["lease"]
    assert (await leased(shop, **{"If-None-Match": etag})).status == 304
    await shop.as_server().post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 5, "reason": "t"}, key="g")
    changed = await leased(shop, **{"If-None-Match": etag})
    assert changed.status == 200
    assert (await proved(shop, changed))["wallets"]["gems"]["balance"] == 5
    before = (await proved(shop, changed))["lease_until"]
    await shop.advance("18h")
    renewed = await leased(shop, **{"If-None-Match": changed.headers["ETag"]})
    assert renewed.status == 200
    assert at((await proved(shop, renewed))["lease_until"]) == at(before) + 18 * HOUR


async def test_customers_leases_are_not_renewed_all_at_once(shop):
    ends = set()
    for name in ("ada", "bob", "cyd", "dan"):
        ends.add((await proved(shop, await shop.as_customer(name).get("/v1/me")))["lease_until"])
    assert len(ends) == 4


@pytest.mark.parametrize(("hours", "expected"), [(0, None), (1, 1)])
async def test_the_operator_says_how_long_they_last(data_folder, hours, expected):
    async with running_shop(data_folder, TINY_SHOP + f"\nleases: {{hours: {hours}}}\n") as shop:
        answer = await leased(shop)
        if expected is None:
            assert answer.json["lease"] is None
        else:
            told = await proved(shop, answer)
            assert 0.75 * HOUR < at(told["lease_until"]) - at(told["server_time"]) <= expected * HOUR
