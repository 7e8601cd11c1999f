"""Forms of the console come from its own pages, from who was shown them; links change nothing and lead nowhere else."""

import pytest

from storefront.core.ids import new_id

from .visiting import Visitor, add, example_shop, link_for, routes_of, signed_in

ELSEWHERE = "https://evil.example"
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": ELSEWHERE},
)
HOSTILE_NEXT = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "http:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "/console//evil.example",
    "/console/..//evil.example", "/console/../shop", "/console/%2e%2e/shop", "/console\\@evil.example",
    "/console@evil.example", "/console.evil.example", "/console/x\r\nSet-Cookie: a=b", "/console/x?next=//evil.example",
    "/console/#@evil.example", " /console", "/consolex", "/console/\u2025/x", "/console/./x", "/shop",
)  # fmt: skip


@pytest.fixture
async def shop(tmp_path):
    async with example_shop(tmp_path) as running:
        yield running


def actions(shop):
    return [row["action"] for row in shop.query("SELECT action FROM audit_actions ORDER BY id")]


def written(shop):
    """Return how many rows there are, but for what the gateway's books bring by themselves."""
    return {**shop.rows(), "gateway_books": 0}


async def test_a_form_without_its_own_secret_or_from_another_site_does_nothing(shop):
    owner, other = await signed_in(shop, "owner"), await signed_in(shop, "owner", "other@example.com")
    csrf, theirs = await owner.csrf(), await other.csrf()
    assert csrf != theirs
    before = written(shop)
    for route, path in (await routes_of(shop)).items():
        if route.startswith("GET ") or path.startswith("/console/sign-in"):
            continue
        assert (await owner.post(path, {"key": new_id("key")})).status in (400, 422), route
        for wrong in ("", theirs, csrf[:-1], csrf + "0", csrf.upper() + "x"):
            assert (await owner.post(path, {"csrf": wrong})).status in (403, 422), route
        for headers in FOREIGN:
            assert (await owner.post(path, {"csrf": csrf}, **headers)).status == 403, (route, headers)
        assert (await owner.get(path)).status in (404, 405), route
    assert await owner.is_in()
    assert written(shop) == before


async def test_nobody_is_signed_in_by_another_site(shop):
    await add(shop, "support")
    code = await link_for(shop, "support@example.com")
    for headers in FOREIGN:
        here = Visitor(shop)
        page = await here.post("/console/sign-in/link", {"code": code}, **headers)
        assert (page.status, here.cookies) == (403, {}), headers
        page = await here.post("/console/sign-in/password", {"login": "x", "password": "y"}, **headers)
        assert (page.status, here.cookies) == (403, {}), headers
    assert (await Visitor(shop).by_link(code)).status == 303


async def test_links_change_nothing(shop):
    owner, support = await signed_in(shop, "owner"), await signed_in(shop, "support")
    await shop.bought("gems-500")
    await shop.quiet()
    before, noted = written(shop), len(actions(shop))
    for route, path in (await routes_of(shop)).items():
        if route.startswith("GET "):
            for who in (owner, support):
                assert (await who.get(path)).status in (200, 403, 404), route
                assert (await who.get(path, **{"Sec-Fetch-Site": "cross-site"})).status in (200, 403, 404), route
    assert set(actions(shop)[noted:]) == {"export.begun", "export.ended"}  # whoever takes a list out is noted
    assert {**written(shop), "audit_actions": before["audit_actions"]} == before


async def test_next_leads_to_a_page_of_the_console_alone(shop):
    for number, wanted in enumerate(HOSTILE_NEXT):
        here = Visitor(shop)
        page = await here.get(
            "/console/sign-in?" + "next=" + wanted.replace("\r\n", "%0d%0a").replace("#", "%23").replace("\\", "%5c")
        )
        assert 'name="next" value="/console"' in page.html, wanted
        await add(shop, "support", f"support-{number}")
        form = {"code": await link_for(shop, f"support-{number}"), "next": wanted}
        page = await here.post("/console/sign-in/link", form)
        assert (page.status, page.to) == (303, "/console"), wanted
    await add(shop, "support", "last")
    form = {"code": await link_for(shop, "last"), "next": "/console/purchases/pur_1"}
    assert (await Visitor(shop).post("/console/sign-in/link", form)).to == "/console/purchases/pur_1"


async def test_whoever_is_signed_out_is_sent_to_sign_in_and_on_to_where_they_were(shop):
    here = Visitor(shop)
    for path, to in (
        ("/console", "/console/sign-in"),
        ("/console/purchases", "/console/sign-in?next=/console/purchases"),
        ("/console/purchases/pur_1?q=2", "/console/sign-in?next=/console/purchases/pur_1?q%3D2"),
        ("/console/purchases/%2F%2Fevil.example", None),
        ("/console/purchases/%0d%0aSet-Cookie:x=y", None),
    ):
        page = await here.get(path)
        if to is not None:
            assert (page.status, page.to) == (303, to)
        elif page.to is not None:
            assert page.to.startswith("/console/sign-in")
            assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize("path", ["/console", "/console/you", "/console/sign-in", "/console/purchases/pur_1"])
async def test_no_page_can_be_framed_kept_or_told_by_its_answer(shop, path):
    page = await (await signed_in(shop, "support")).get(path)
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
