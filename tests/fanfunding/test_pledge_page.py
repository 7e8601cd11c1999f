"""The pages of pledges over HTTP, as a browser without script uses them."""

import aiohttp
import pytest

from storefront.testing import running_shop
from tests.fanfunding.pledging import VISA, charged, luna_tours, seen
from tests.fanfunding.test_tip_page import Fan
from tests.fanfunding.tipping import FAN_SHOP

PATH = "/tip/luna/goals/tour"


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(luna_tours(500, ", min_collected: 50 %"))
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


@pytest.fixture
async def fan(stream):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Fan(stream, session)


async def test_a_fan_pledges_by_a_plain_form_takes_it_back_and_pledges_anew(stream, fan):
    _, page, _ = await fan.get("/tip/luna")
    assert "All or nothing, until " in page
    assert f'href="{PATH}"' in page
    assert "0 backers so far" in page
    status, page, _ = await fan.get(PATH)
    assert status == 200
    for words in ("Nothing is charged now.", "If fans pledge $5.00 by ", "If less than $2.50 can be collected"):
        assert words in page, words
    status, page, _ = await fan.post(PATH, {**await fan.form(PATH), "name": "M", "other": "0.50"})
    assert (status, "Choose an amount: $1.00 to $500.00." in page, "Enter a name of 2 to 25" in page) == (
        422, True, True,
    )  # fmt: skip

    form = await fan.form(PATH)
    first, again = await fan.post(PATH, form), await fan.post(PATH, form)
    assert (first[0], again[0], first[2]["Location"]) == (303, 303, again[2]["Location"])
    (row,) = stream.query("SELECT id, setup_id, amount FROM fanfunding_pledges")
    assert row["amount"] == 500
    one, back = f"/tip/luna/pledges/{row['id']}", f"/tip/luna/pledged?setup={row['setup_id']}"
    _, page, _ = await fan.get(one)
    assert "No card is saved for it yet" in page
    assert "Save a card" in page
    assert await stream.pay({"payment": {"redirect_url": first[2]["Location"]}}, VISA) == 303
    _, _, headers = await fan.get(back)
    assert headers["Location"] == one
    _, page, _ = await fan.get(one)
    for words in ("$5.00 pledged", "Thank you, Mio", "your card is charged $5.00 then", "Take the pledge back"):
        assert words in page, words
    async with aiohttp.ClientSession() as session:
        _, page, _ = await Fan(stream, session).get(one)
        assert "Take the pledge back" not in page
        assert "Mio" not in page
        csrf = (await fan.form(one))["csrf"]
        assert (await Fan(stream, session).post(one + "/withdraw", {"csrf": csrf}))[0] == 404
    await fan.post(one + "/withdraw", {"csrf": "of another page"})
    await seen(stream, row, "open")
    status, _, headers = await fan.post(one + "/withdraw", {"csrf": (await fan.form(one))["csrf"]})
    assert (status, headers["Location"]) == (303, one)
    _, page, _ = await fan.get(one)
    assert "You took this pledge back. Nothing was charged." in page

    second = await fan.post(PATH, await fan.form(PATH))
    assert await stream.pay({"payment": {"redirect_url": second[2]["Location"]}}, VISA) == 303
    await stream.quiet()
    status, page, _ = await fan.post(PATH, await fan.form(PATH))
    assert (status, "You have pledged to this goal already." in page) == (422, True)
    await stream.advance("11d")
    (anew,) = stream.query("SELECT id FROM fanfunding_pledges WHERE state = 'collected'")
    _, page, _ = await fan.get(f"/tip/luna/pledges/{anew['id']}")
    assert "See the tip" in page
    _, page, _ = await fan.get(PATH)
    assert "This goal takes no pledges any more." in page
    assert await charged(stream) == [500]
