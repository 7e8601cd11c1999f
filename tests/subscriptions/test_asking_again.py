"""A request that is sent again under its key gets its answer, also where it would be refused by now."""

import pytest

from storefront.testing import running_shop

from .gifting import GIVING, theirs
from .subscribing import subscribe

FEWER_SEATS = GIVING.replace("most_seats: 10, also", "most_seats: 2, also")


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, GIVING, database=database_url) as shop:
        yield shop


async def test_a_gift_and_a_beginning_are_answered_again_after_what_would_refuse_them_now(club, data_folder):
    grant = {"customer": "ada", "asset": "gems", "amount": 700, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    await club.as_customer("bob").get("/v1/me")
    given = {"sku": "bronze", "recipient": "bob", "periods": 1, "currency": "gems"}
    first = await club.as_customer("ada").post("/v1/subscriptions", given, key="given")
    assert first.status == 201
    await club.quiet()
    (found,) = await theirs(club)
    ended = await club.as_customer("bob").post(f"/v1/subscriptions/{found['id']}/cancel", {"at": "now"})
    assert ended.status == 200
    await subscribe(club, "silver", customer="bob")
    again = await club.as_customer("ada").post("/v1/subscriptions", given, key="given")
    assert (again.status, again.json) == (201, first.json)
    other = await club.as_customer("ada").post("/v1/subscriptions", {**given, "periods": 2}, key="given")
    assert other.json["code"] == "idempotency_key_reused"
    anew = await club.as_customer("ada").post("/v1/subscriptions", given, key="anew")
    assert anew.json["code"] == "gift_not_possible"

    begun = {"sku": "bronze", "seats": 3}
    first = await club.as_customer("cleo").post("/v1/subscriptions", begun, key="begun")
    assert first.status == 202
    assert FEWER_SEATS != GIVING
    (data_folder / "shop.yaml").write_text(FEWER_SEATS)
    await club.restart()
    again = await club.as_customer("cleo").post("/v1/subscriptions", begun, key="begun")
    assert (again.status, again.json["id"]) == (202, first.json["id"])
    anew = await club.as_customer("dan").post("/v1/subscriptions", begun, key="begun")
    assert anew.json["code"] == "invalid_request"
