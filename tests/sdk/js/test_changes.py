"""Live changes: told once each, none missed, whatever becomes of the line."""

import pytest

from .runtimes import SDK, JsError

pytestmark = pytest.mark.asyncio(loop_scope="session")
STREAM = "GET /v1/stream"
FOLLOW = """
    kept.told = [];
    kept.errors = [];
    kept.heard = () => undefined;
    me.on("error", (error) => { kept.errors.push(error.name); kept.heard(); });
    me.on("change", (state) => { kept.told.push([state.version, state.wallets.gems.balance]); kept.heard(); });
"""
UNTIL = """
    while (!is()) await new Promise((resolve) => { kept.heard = resolve; });
    return kept.told;
"""


def until(condition):
    """Code that waits until something told makes ``condition`` true, and returns all that was told."""
    return f"const is = () => {condition};" + UNTIL


async def connected(game, road, count):
    """Wait until the line was opened so many times."""
    await game.until(lambda: len(road.asked(STREAM)) >= count)


async def test_changes_made_elsewhere_are_told_and_those_of_ones_own_are_not_fetched(game, road, player):
    await player.js("await me.me();" + FOLLOW)
    await connected(game, road, 1)
    await game.bought("potion", customer=player.name)
    assert [gems for _, gems in await player.js(until("kept.told.length === 1"))] == [485]
    fetched = road.requests.count("GET /v1/me")
    await player.js("await me.purchase('potion')")
    assert [gems for _, gems in await player.js(until("kept.told.length === 2"))] == [485, 470]
    # The purchase's own answer brought the state, unless the stream was quicker.
    assert road.requests.count("GET /v1/me") - fetched <= 1
    head = road.asked(STREAM)[0].lower()
    assert f"authorization: bearer {player.token.lower()}" in head
    assert "last-event-id: " in head


async def test_without_a_state_the_first_thing_told_is_how_it_is(player):
    await player.js(FOLLOW)
    assert [gems for _, gems in await player.js(until("kept.told.length === 1"))] == [500]


async def test_a_line_that_is_cut_again_and_again_loses_nothing_and_repeats_nothing(game, road, player):
    await player.js("await me.me();" + FOLLOW)
    last = None
    for number in range(1, 9):
        await connected(game, road, number)
        if number % 2:
            await road.cut()
            await game.bought("potion", customer=player.name)
        else:
            await game.bought("potion", customer=player.name)
            await road.cut()
        last = 500 - 15 * number
        told = await player.js(until(f"kept.told.at(-1)?.[1] === {last}"))
    versions = [version for version, _ in told]
    assert versions == sorted(set(versions))
    assert [gems for _, gems in told] == [500 - 15 * number for number in range(1, 9)]
    assert await player.js("return new Set(kept.errors).size === 1 && kept.errors[0] === 'ConnectionLost'")
    # Each time the server was told what had been seen last.
    seen = [line for head in road.asked(STREAM) for line in head.lower().splitlines() if "last-event-id" in line]
    assert len(seen) == len(road.asked(STREAM))


async def test_a_change_whose_state_cannot_be_fetched_is_told_when_it_can(game, road, player):
    await player.js("await me.me(); kept.me = open(url, { token, tries: 1 }); await kept.me.me();")
    await player.js(FOLLOW)
    await connected(game, road, 1)
    road.answer(503, "{}", Content_Type="application/json")
    await game.bought("potion", customer=player.name)
    assert [gems for _, gems in await player.js(until("kept.told.length === 1"))] == [485]
    assert await player.js("return kept.errors") == ["Unavailable"]


async def test_a_state_that_could_not_be_fetched_at_first_is_told_when_it_can(player):
    """The server hears from the client which version it has heard of; what counts is which one it was told."""
    await player.js(
        """
        kept.failures = 1;
        const sick = (request) => new URL(request.url).pathname === "/v1/me" && kept.failures-- > 0
          ? new Response("{}", { status: 503, headers: { "Content-Type": "application/json" } }) : fetch(request);
        kept.me = open(url, { token, tries: 1, fetch: sick });"""
    )
    await player.js(FOLLOW)
    assert [gems for _, gems in await player.js(until("kept.told.length === 1"))] == [500]
    assert await player.js("return kept.errors") == ["Unavailable"]


async def test_a_line_that_is_silent_for_35_seconds_is_opened_anew(game, road, player):
    await player.js(
        "await me.me(); kept.mock = (await import('node:test')).mock;"
        "kept.mock.timers.enable({ apis: ['setTimeout'] });" + FOLLOW
    )
    await connected(game, road, 1)
    try:
        await game.bought("potion", customer=player.name)
        await player.js(until("kept.told.length === 1"))
        assert await player.js("kept.mock.timers.tick(34_999); await null; return kept.errors") == []
        assert await player.js("kept.mock.timers.tick(1); " + until("kept.errors.length === 1")) != []
    finally:
        await player.js("kept.mock.timers.tick(1_000); kept.mock.timers.reset()")
    await connected(game, road, 2)
    assert await player.js("return kept.errors") == ["ConnectionLost"]


async def test_a_dead_token_ends_the_line_unless_another_can_be_had(game, road, player):
    await player.js("kept.me = open(url, { token: 'dead', reconnect_seconds: 0 });")
    await player.js(FOLLOW)
    assert await player.js(until("kept.errors.length === 1")) == []
    # It would be back by the time that something else is answered.
    await player.js("await open(url, { token }).catalog()")
    assert await player.js("return kept.errors") == ["Unauthorized"]
    assert road.requests == [STREAM, "GET /v1/catalog"]
    await player.js(
        "kept.me = open(url, { get_token: () => (kept.asked = (kept.asked ?? 0) + 1) === 1 ? 'dead' : token });"
    )
    await player.js(FOLLOW)
    assert [gems for _, gems in await player.js(until("kept.told.length === 1"))] == [500]
    assert await player.js("return [kept.asked, kept.errors.length]") == [2, 0]


async def test_who_leaves_hears_no_more_and_the_line_is_hung_up(game, road, player):
    await player.js(
        "kept.off = me.on('change', () => { throw new Error('left already') }); kept.off(); me.on('error', Date)"
    )
    with pytest.raises(JsError, match="there are the events change and error"):
        await player.js("me.on('chnage', Date)")
    await player.js("await me.me();" + FOLLOW)
    await connected(game, road, 1)
    await game.bought("potion", customer=player.name)
    await player.js(until("kept.told.length === 1"))
    assert await player.js("await me.close(); return kept.errors") == []


async def test_the_line_comes_back_after_1_to_30_seconds_never_in_step(node):
    pauses = await node.run(
        """
        const { reconnectPause } = await import(module);
        return [0, 0.999999].map((luck) => [0, 1, 2, 3, 4, 5, 6, 99].map((n) => reconnectPause(n, 1, () => luck)))""",
        module=str(SDK / "lib/stream.js"),
    )
    soonest, latest = pauses
    assert soonest == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert [round(pause) for pause in latest] == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_events_are_read_however_the_bytes_arrive(node):
    seen = await node.run(
        """
        const { readEvents } = await import(module);
        const bytes = new TextEncoder().encode(text);
        const read = [];
        for (let size = 1; size <= bytes.length; size += 1) {
          const pieces = [];
          for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
          const events = [];
          for await (const event of readEvents(ReadableStream.from(pieces))) events.push(event);
          read.push(JSON.stringify(events));
        }
        return [...new Set(read)].map(JSON.parse)""",
        module=str(SDK / "lib/stream.js"),
        text=': hello\r\n\r\nid: 7\r\nevent: change\r\ndata: {"a":\r\ndata:  "ü"}\r\n\r\n'
        "data\n\nevent: x\n\nretry: 5\rdata: €\r\rdata: cut",
    )
    assert seen == [
        [
            {"type": "change", "data": '{"a":\n "ü"}', "id": "7"},
            {"type": "message", "data": "", "id": "7"},
            {"type": "message", "data": "€", "id": "7"},
        ]
    ]
