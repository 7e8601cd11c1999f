"""What tips give of the game: with the tip or not at all, within the operator's limits, and back with the money."""

import pytest
from structlog.testing import capture_logs

from storefront.testing import running_shop
from tests.fanfunding.test_creator_files import refused
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, refund, tip

MAY_GRANT = """may_grant: [
        {sku: potion, per_tip: 2, per_day: 5}, {sku: sword, per_tip: 1, per_day: 9},
        {sku: gems-500, per_tip: 1, per_day: 9}]"""
GIVING_SHOP = FAN_SHOP.replace("hold_days: 1}", f"hold_days: 1, {MAY_GRANT}}}")
LUNA_GIVES = LUNA.replace("sound: chime, pin: 2m", "grants: {potion: 2, sword: 1, gems-500: 1}").replace(
    "max_chars: 20}", "max_chars: 20, grants: {potion: 1}}"
)


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_GIVES)
    async with running_shop(data_folder, GIVING_SHOP, database=database_url) as shop:
        yield shop


async def gives(shop, fan: str, amount: int, currency: str = "USD", **more):
    return await tip(shop, amount, currency, by=shop.as_server(), customer=fan, **more)


async def has(shop, fan: str) -> dict:
    """Return what a fan has of the game: items, gems and whether they hold the sword's right."""
    await shop.quiet()
    state = (await shop.as_customer(fan).get("/v1/me")).json
    items = {one["sku"]: one["quantity"] for one in state["items"] if one["quantity"]}
    gems = state["wallets"].get("gems", {}).get("balance", 0)
    return {**items, "gems": gems, "right": state["entitlements"].get("sword", {}).get("active", False)}


def states(shop) -> list[str]:
    rows = shop.query("SELECT sku, state FROM fanfunding_grants ORDER BY created_at, sku")
    return [f"{row['sku']} {row['state']}" for row in rows]


async def test_a_tip_gives_what_its_tier_says_and_takes_it_back_when_its_money_is_all_back(stream):
    whole = await gives(stream, "mio", 1000)
    assert await has(stream, "mio") == {"potion": 2, "sword": 1, "gems": 500, "right": True}
    async with stream.http.get("/tip/luna") as page:
        assert "2 × Potion, Sword, 500 gems" in await page.text()
    assert states(stream) == ["gems-500 given", "potion given", "sword given"]
    more = await gives(stream, "mio", 500)  # the sword is owned already
    assert await has(stream, "mio") == {"potion": 4, "sword": 1, "gems": 1000, "right": True}
    spent = await stream.as_server().post("/v1/purchases", {"customer": "mio", "sku": "key"}, key="spend")
    assert spent.status == 201

    assert (await refund(stream, whole, 400)).status == 201
    assert (await has(stream, "mio"))["potion"] == 4
    assert (await refund(stream, whole, key="rest")).status == 201
    assert await has(stream, "mio") == {"potion": 2, "key": 1, "gems": 460, "right": False}
    assert states(stream)[:3] == ["gems-500 taken", "potion taken", "sword taken"]
    assert (await refund(stream, more)).status == 201
    assert await has(stream, "mio") == {"key": 1, "gems": 0, "right": False}  # the 40 that were spent are gone


async def test_a_lost_dispute_takes_what_is_left_and_an_appeal_that_is_won_gives_that_again(stream):
    lost = await gives(stream, "mio", 1000)
    drink = "/v1/microtransactions/inventory/potion/consume"
    assert (await stream.as_customer("mio").post(drink, {"quantity": 1}, key="drink")).status == 200
    await dispute(stream, lost, "lost")
    assert await has(stream, "mio") == {"gems": 0, "right": False}
    await dispute(stream, lost, "won")
    assert await has(stream, "mio") == {"potion": 1, "sword": 1, "gems": 500, "right": True}
    await stream.quiet()


async def test_guests_and_what_the_operator_does_not_allow_get_nothing(stream, data_folder):
    await tip(stream, 1000)
    assert states(stream) == []
    with capture_logs() as logs:
        (data_folder / "luna.yaml").write_text(LUNA_GIVES.replace("potion: 2, sword: 1", "potion: 3, lantern: 1"))
        said = await refused(stream, logs)
    assert "must be at most 2, as the operator allows" in said
    assert "does not stand in the operator's `may_grant`" in said
