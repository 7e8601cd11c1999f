"""SIGKILL while a payout is at its gateway: after the restart it is one transfer, and the creator is paid once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from .processes import HANG_SECONDS, POLL_SECONDS, SANDBOX_KEY, SHOP, World

TRANSFER = "POST /v1/transfers"
AT_ONCE = "4000000000000077"  # this card's money is there to be transferred at once
LUNA = "name: Luna\ntips: {min: {USD: 100}}\n"
FANFUNDING = "fanfunding: {share: 90%, creators: {luna: {file: luna.yaml, hold_days: 0, PAID}}}"
FAN_SHOP = SHOP.replace("plugins: {microtransactions: {}}", f"plugins: {{microtransactions: {{}}, {FANFUNDING}}}")
STATE = "SELECT state, reference FROM fanfunding_payouts"


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A shop that transfers to Luna's account at the emulator, which runs in another process; she can be paid 900."""
    (tmp_path / "luna.yaml").write_text(LUNA)
    world = World(tmp_path, standalone=True, shop=FAN_SHOP.replace("PAID", "payout: manual"))
    try:
        await world.open()
        account = await onboarded(world)
        world.server.kill()
        config = tmp_path / "shop.yaml"
        config.write_text(config.read_text().replace("payout: manual", f"payout: sandbox, account: {account}"))
        await world.start()
        await tipped(world)
        yield world
    finally:
        await world.close()


@pytest.mark.parametrize(("is_transferred", "dies"), [(False, "both"), (True, "the server")])
async def test_a_payout_killed_at_its_gateway_is_one_transfer(world: World, audit, is_transferred, dies):
    await world.control("misbehave", {"webhooks": {"mode": "drop"}})
    if not is_transferred:
        world.emulator.freeze()
    else:
        await world.control("misbehave", {"fault": "delay", "on": TRANSFER, "seconds": 60, "after": True})
    body = {"creator": "luna", "currency": "USD", "amount": 400}  # there is enough for two
    begun = (await world.post("/v1/fanfunding/payouts", body, key="all")).json
    await world.until(lambda: world.query("SELECT 1 FROM jobs WHERE kind = 'fanfunding.payout' AND attempts > 0") != [])
    if is_transferred:
        await until_transferred(world)
    assert world.query(STATE) == [("in_progress", None)]

    world.server.kill()
    if dies == "both":
        world.emulator.kill()
    else:
        world.emulator.thaw()
    await world.start()

    again = await world.post("/v1/fanfunding/payouts", body, key="all")
    assert (again.status, again.json) == (201, begun)
    await world.until(lambda: world.query(STATE)[0][0] == "paid")
    assert await transfers(world) == [(begun["id"], 400, world.query(STATE)[0][1])]
    await audit(world)


async def until_transferred(world: World) -> None:
    """Wait until the emulator's books have a transfer."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            if await transfers(world):
                return
            await asyncio.sleep(POLL_SECONDS)


async def ask(world: World, method: str, path: str, form: dict[str, str] | None = None):
    headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
    async with world.browser.request(method, f"{world.sandbox_url}/v1/{path}", data=form, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def onboarded(world: World) -> str:
    """Return an account at the emulator that may receive money."""
    account = str((await ask(world, "POST", "accounts", {"type": "express", "country": "US"}))["id"])
    form = {"account": account, "type": "account_onboarding", "return_url": world.url, "refresh_url": world.url}
    url = (await ask(world, "POST", "account_links", form))["url"]
    async with world.browser.post(url, data={"action": "finish"}, allow_redirects=False) as done:
        assert done.status == 303
    return account


async def tipped(world: World) -> None:
    """Tip Luna 10.00, and wait until she can be paid that."""
    body = {"amount": {"amount": 1000, "currency": "USD"}, "name": "Mio"}
    purchase = (await world.post("/v1/fanfunding/creators/luna/tips", {**body, "customer": "ada"}, key="tip")).json
    form = {"card_number": AT_ONCE, "action": "pay"}
    async with world.browser.post(purchase["payment"]["redirect_url"], data=form, allow_redirects=False) as paid:
        assert paid.status == 303
    payable = "SELECT sum(balance) FROM accounts WHERE role = 'payable'"
    await world.until(lambda: world.query(payable) == [(900,)])


async def transfers(world: World) -> list[tuple[str, int, str]]:
    """Return ``(payout, amount, transfer)`` of the emulator's transfers: the judge of who was paid."""
    found = (await ask(world, "GET", "transfers"))["data"]
    return [(one["transfer_group"], one["amount"], one["id"]) for one in found]
