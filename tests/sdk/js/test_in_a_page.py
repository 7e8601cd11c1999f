"""The same module in real Chromium, on a game's page of another origin than the shop's."""

import pytest
import pytest_asyncio

from tests.sdk.leases import AT_SECONDS, leased, sign, state

from .runtimes import JsError, load, opened_tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPEN = "kept.me ??= open(url, { token, customer: name, tries: 1, ...options });"


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser, site):
    async with opened_tab(browser, str(site.make_url("/"))) as tab:
        yield tab


async def test_a_game_plays_the_story_from_another_origin(game, tab, player):
    given = {"url": game.url, "token": player.token, "name": player.name, "options": {}}
    seen = await tab.run(
        OPEN
        + """
        const { me } = kept;
        const offers = await me.catalog();
        const sword = await me.purchase("sword", { expected_price: { amount: 120, currency: "gems" } });
        const again = await me.purchase("sword").catch((error) => [error.name, error.request_id.slice(0, 4)]);
        kept.pending = await me.purchase("gems-500");
        const same = (await me.me({ policy: "fetch" })) === (await me.me({ policy: "fetch" }));
        const { balance } = await me.wallet("gems");
        const there = offers.some(({ sku }) => sku === "sword");
        return [there, (await me.catalog()).length === offers.length, sword.status, again, balance,
          (await me.check("sword")).allowed, (await me.check("chapters")).offers, same, kept.pending]""",
        **given,
    )
    assert seen[:-1] == [True, True, "completed", ["AlreadyOwned", "req_"], 380, True, ["chest"], True]
    await game.pay(seen[-1])
    paid = "return [(await kept.me.wait(kept.pending)).status, (await kept.me.wallet('gems')).balance]"
    assert await tab.run(paid) == ["completed", 880]
    with pytest.raises(JsError) as dead:
        await tab.run("await open(url, { token: 'dead' }).me()", **given)
    assert dead.value.name == "Unauthorized"


async def test_a_page_is_told_of_changes_once_each_although_its_line_is_cut(game, road, tab, player):
    await tab.run(
        OPEN
        + """
        kept.told = [];
        kept.me.on("error", () => undefined);
        kept.me.on("change", (state) => { kept.told.push(state.wallets.gems.balance); kept.heard?.(); });
        """,
        url=road.url, token=player.token, name=player.name, options={},
    )  # fmt: skip
    told = (
        "while (kept.told.at(-1) !== gems) await new Promise((resolve) => { kept.heard = resolve; }); return kept.told"
    )
    assert await tab.run(told, gems=500) == [500]
    for number in range(1, 4):
        await game.until(lambda count=number: len(road.asked("GET /v1/stream")) >= count)
        await road.cut()
        await game.bought("potion", customer=player.name)
        await tab.run(told, gems=500 - 15 * number)
    assert await tab.run("await kept.me.close(); return kept.told") == [500, 485, 470, 455]
    heads = [head.lower() for head in road.asked("GET /v1/stream")]
    last = [line.split(": ")[1] for head in heads for line in head.splitlines() if line.startswith("last-event-id")]
    assert (last[0], len(last), len(set(last))) == ("0", len(heads), len(heads))


async def test_what_a_page_has_kept_answers_after_a_reload_while_nobody_can_be_asked(game, road, site, tab, player):
    origin = str(site.make_url("")).rstrip("/")
    open_ = """
        kept.me = open(url, { token, customer: name, tries: 1, storage: new sdk.BrowserStorage(),
          clock: { monotonic: () => 0, wall: () => wall } });
        const seen = [await sdk.canVerifyLeases(), (await kept.me.check("rooms", 5)).allowed];
        if (wait) while (!localStorage.length) await new Promise(requestAnimationFrame);
        return seen"""
    given = {"url": road.url, "token": player.token, "name": player.name, "wall": AT_SECONDS, "wait": False}
    said = leased(game, player.name)

    async def answer(route):
        await route.fulfill(body=said, content_type="application/json", headers={"Access-Control-Allow-Origin": origin})

    async def nothing(route):
        await route.abort()

    await tab.page.route("**/v1/me", answer)
    assert await tab.run(open_, **{**given, "wait": True}) == [True, True]
    await tab.run("await kept.me.close()")
    await tab.page.unroute("**/v1/me")
    await tab.page.route(f"{road.url}/**", nothing)
    for wall, expected in [(AT_SECONDS + 3599, True), (AT_SECONDS + 3600, False)]:
        await load(tab.page, origin)
        assert await tab.run(open_, **{**given, "wall": wall}) == [True, expected]
    forged = {**state(player.name), "lease": sign(game, {**state(player.name), "lease_until": "2027"}, typ="forged")}
    plant = """
        const key = `storefront:${url}:${name}`;
        localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), document }))"""
    await tab.run(plant, document=forged, **given)
    with pytest.raises(JsError) as lost:
        await tab.run(open_, **given)
    assert lost.value.name == "ConnectionLost"
