"""Sessions of the console: whose, for how long, and ended at once everywhere; and proof anew for what moves money."""

import io
import re
from shutil import copytree

import pyotp
import pytest

from storefront.core.ids import new_id
from storefront.core.operators.people import change_role, end_operator, reset_codes
from storefront.core.operators.roles import OperatorRole
from storefront.testing import running_shop
from storefront.testing.looking import look_into, tables_of
from storefront.testing.tiny_shop import TINY_SHOP
from storefront.web.logs import configure_logging
from tests.console.visiting import MANY, PASSWORD, SHELL, WRONG, Visitor, add, begin_window, link_for, signed_in

LIMITS = "console: {unproved_refunds: {USD: 200}}\n"
ASKED = "Confirm it is you"
OPERATORS, KEYS = "/console/settings/operators", "/console/settings/keys"


@pytest.fixture
async def shop(data_folder):
    async with running_shop(data_folder, TINY_SHOP + MANY + LIMITS) as running:
        yield running


async def test_a_session_ends_half_an_hour_after_it_was_used_and_twelve_hours_after_it_began(shop):
    here = await signed_in(shop, "support")
    for _ in range(24):
        shop.wall.move(29 * 60)
        assert await here.is_in()
    shop.wall.move(20 * 60)
    assert await here.is_in()
    shop.wall.move(4 * 60)
    assert not await here.is_in()
    await here.by_link(await link_for(shop, "support@example.com"))
    shop.wall.move(30 * 60)
    assert not await here.is_in()


async def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before(shop):
    here = Visitor(shop)
    here.cookies["storefront_console"] = planted = "A" * 43
    support = await signed_in(shop, "support")
    page = await here.by_link(await link_for(shop, "support@example.com"))
    assert page.status == 303
    first = here.token
    attributes = page.headers["Set-Cookie"].lower()
    assert first not in (planted, support.token)
    for wanted in ("httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert wanted in attributes
    assert "domain" not in attributes
    for token in (planted, "", "é", first + "x", first[:-1]):
        attacker = Visitor(shop)
        attacker.cookies["storefront_console"] = token
        assert not await attacker.is_in(), token
    await here.by_link(await link_for(shop, "support@example.com"))
    assert await here.is_in()
    old = Visitor(shop)
    old.cookies["storefront_console"] = first
    assert not await old.is_in()
    assert await support.is_in()  # in another browser
    kept = here.token
    assert (await here.act("/console/sign-out")).to == "/console/sign-in"
    old.cookies["storefront_console"] = kept
    assert not await old.is_in()


async def test_over_tls_the_cookie_is_its_hosts_alone(data_folder):
    public = TINY_SHOP + MANY.replace("web: {", "web: {public_url: 'https://shop.example', ")
    async with running_shop(data_folder, public) as shop:
        here = Visitor(shop)
        operator = (await signed_in_by(here, shop, "https://shop.example")).headers["Set-Cookie"]
        assert operator.startswith("__Host-storefront_console=")
        assert "; Secure" in operator
        here.cookies = {"storefront_console": here.cookies["__Host-storefront_console"]}
        assert not await here.is_in()  # another host of the domain may have set that one


async def signed_in_by(here, shop, origin):
    await add(shop, "support")
    form = {"code": await link_for(shop, "support@example.com")}
    return await here.post("/console/sign-in/link", form, Origin=origin)


async def test_whoever_ends_is_reset_or_gets_another_password_is_out_at_once(shop):
    one, two = await signed_in(shop, "finance"), Visitor(shop)
    await two.by_link(await link_for(shop, "finance@example.com"))
    assert (await two.act("/console/you/password", password=PASSWORD + "9", again=PASSWORD + "9")).status == 303
    assert (await one.is_in(), await two.is_in()) == (False, True)
    await reset_codes(shop.parts.services, "finance@example.com", actor=SHELL)
    assert not await two.is_in()
    assert (await Visitor(shop).by_password("finance@example.com", PASSWORD + "9", one.code())).status == 422
    await two.by_link(await link_for(shop, "finance@example.com"))
    assert (await two.get("/console")).to == "/console/you"
    await two.set_up()
    await change_role(shop.parts.services, "finance@example.com", OperatorRole.READ_ONLY, actor=SHELL)
    assert (await two.get(f"/console/purchases/{(await shop.bought('gems-500'))['id']}")).status == 200
    assert (await two.act("/console/purchases/pur_1/refund", reason="x")).status == 403
    await end_operator(shop.parts.services, "finance@example.com", actor=SHELL)
    assert not await two.is_in()


async def test_whoever_sets_up_codes_is_out_everywhere_but_where_they_did(shop):
    one, two = await signed_in(shop, "support"), Visitor(shop)
    assert (await one.act("/console/you/password", password=PASSWORD, again=PASSWORD)).status == 303
    assert (await two.by_password("support@example.com")).status == 303
    assert (await one.is_in(), await two.is_in()) == (True, True)
    secret = re.findall(r'name="secret" value="([A-Z2-7]+)"', (await two.get("/console/you")).html)[0]
    assert (await two.act("/console/you/codes", secret=secret, code="000000")).status == 422
    assert (await one.is_in(), await two.is_in()) == (True, True)
    two.secret = secret
    done = await two.act("/console/you/codes", secret=secret, code=two.code())
    assert done.to == "/console/you?says=codes", done.says
    assert (await one.is_in(), await two.is_in()) == (False, True)


async def test_a_session_is_ended_in_every_process(data_folder, postgres_database):
    async with running_shop(data_folder, TINY_SHOP + MANY, database=postgres_database) as shop:
        here = await signed_in(shop, "support")
        (data_folder / "other").mkdir()  # another machine: the same keys and books, a sandbox of its own
        copytree(data_folder / "data" / "keys", data_folder / "other" / "data" / "keys")
        async with running_shop(data_folder / "other", TINY_SHOP + MANY, database=postgres_database) as other:
            there = Visitor(other)
            there.cookies = here.cookies
            assert await there.is_in()
            await end_operator(shop.parts.services, "support@example.com", actor=SHELL)
            assert not await there.is_in()


async def test_proof_is_asked_for_ten_minutes_after_the_last_one(shop):
    owner = await signed_in(shop, "owner")
    purchase = await shop.bought("chest")
    path = f"/console/purchases/{purchase['id']}/refund"
    shop.wall.move(601)
    looked = await owner.act(path, reason="broken", amount="7.00")
    assert (looked.status, "Nothing has happened yet" in looked.says) == (200, True)
    assert (await owner.act(path, reason="broken", amount="2.00", sure="yes")).status == 303
    await shop.quiet()
    before = shop.rows()
    asked = await owner.act(path, reason="broken", amount="2.01", sure="yes")
    assert (asked.status, ASKED in asked.says, 'name="amount" value="2.01"' in asked.html) == (403, True, True)
    for wrong in ("000000", PASSWORD, owner.secret, "", "x" * 20):
        page = await owner.act(path, reason="broken", amount="2.01", sure="yes", proof=wrong)
        assert (page.status, ASKED in page.says) == (422 if wrong else 403, True), wrong
    assert {**shop.rows(), "counters": before["counters"]} == before
    sent = await owner.act(path, reason="broken", amount="2.01", sure="yes", proof=owner.code())
    assert sent.status == 303, sent.says
    assert (await owner.act(path, reason="broken", amount="3.00", sure="yes")).status == 303  # proved just now
    await shop.quiet()
    refunds = [one for one in (await shop.sandbox.books())["refunds"] if one["status"] == "succeeded"]
    assert sorted(one["amount"] for one in refunds) == [200, 201, 300]
    shop.wall.move(601)
    assert (await owner.act(path, reason="broken", sure="yes")).status == 403


async def test_what_needs_proof_is_what_moves_money_or_says_who_may(shop):
    owner = await signed_in(shop, "owner")
    await shop.session("ada")
    customer = shop.query("SELECT id FROM customers")[0]["id"]
    shop.wall.move(601)
    before = {**shop.rows(), "gateway_books": 0}
    for path, form in (
        (f"/console/customers/{customer}/grant", {"asset": "gems", "amount": "5", "reason": "x"}),
        (f"/console/customers/{customer}/adjust", {"asset": "gems", "amount": "5", "reason": "x", "sure": "yes"}),
        (f"{KEYS}/make", {"name": "x", "kind": "server"}),
        (f"{KEYS}/retire", {"id": "key_1", "reason": "x", "sure": "yes"}),
        (f"{OPERATORS}/add", {"login": "x", "role": "owner"}),
        (f"{OPERATORS}/role", {"login": "owner@example.com", "role": "support"}),
        (f"{OPERATORS}/link", {"id": owner.operator.id}),
        (f"{OPERATORS}/end", {"id": owner.operator.id, "reason": "x", "sure": "yes"}),
        (f"{OPERATORS}/reset", {"id": owner.operator.id}),
        (f"{OPERATORS}/take-back", {"id": owner.operator.id}),
        ("/console/webhooks/add", {"url": "https://a.example"}),
        ("/console/you/password", {"password": PASSWORD + "9", "again": PASSWORD + "9"}),
        ("/console/you/codes", {"secret": owner.secret, "code": "123456"}),
    ):
        page = await owner.act(path, **form)
        assert (page.status, ASKED in page.says) == (403, True), path
    assert {**shop.rows(), "gateway_books": 0} == before
    for path, form in (("/console/books/check", {}), (f"/console/customers/{customer}/note", {"note": "kind"})):
        assert (await owner.act(path, **form)).status == 303, path


async def test_whoever_has_no_codes_proves_by_password_and_tries_at_it_are_counted(shop):
    support = await signed_in(shop, "support")
    shop.wall.move(601)
    form = {"password": PASSWORD, "again": PASSWORD}
    refused = await support.act("/console/you/password", **form)
    assert "neither a password nor codes" in refused.says
    assert (await support.act("/console/you/password", **form, proof="x")).status == 422
    await support.by_link(await link_for(shop, "support@example.com"))
    assert (await support.act("/console/you/password", **form)).status == 303
    begin_window(shop)
    shop.wall.move(601)
    changed = {"password": PASSWORD + "9", "again": PASSWORD + "9"}
    for n in range(10):
        assert (await support.act("/console/you/password", **changed, proof=f"wrong {n}")).status == 422
    page = await support.act("/console/you/password", **changed, proof=PASSWORD)
    assert (page.status, "Too many attempts" in page.says) == (422, True)
    shop.wall.move(900)
    assert (await support.act("/console/you/password", **changed, proof=PASSWORD)).status == 303


async def test_strangers_who_try_passwords_at_the_door_keep_nobody_out_who_is_in(shop):
    support, stranger = await signed_in(shop, "support"), Visitor(shop)
    form = {"password": PASSWORD, "again": PASSWORD}
    assert (await support.act("/console/you/password", **form)).status == 303
    begin_window(shop)
    for n in range(11):
        assert (await stranger.by_password("support@example.com", f"wrong {n}")).status == 422
    assert WRONG in (await stranger.by_password("support@example.com", PASSWORD)).says
    shop.wall.move(601)  # still in the same window, and past what was proved
    changed = {"password": PASSWORD + "9", "again": PASSWORD + "9", "proof": PASSWORD}
    assert (await support.act("/console/you/password", **changed)).status == 303


async def test_no_secret_of_an_operator_is_kept_or_told(shop):
    written = io.StringIO()
    configure_logging("debug", "json", stream=written)
    try:
        owner, here = await signed_in(shop, "owner"), Visitor(shop)
        code, link = owner.code(), await link_for(shop, "owner@example.com")
        told = [
            await here.by_password("owner@example.com", PASSWORD + "?", code),
            await here.by_password("owner@example.com", PASSWORD, code + "1"),
            await here.post("/console/sign-in/link", {"code": link, "more": PASSWORD}),
            await here.get(f"/console/nothing?code={link}"),
            await here.by_password("owner@example.com", PASSWORD, code),
            await here.act("/console/you/password", password=PASSWORD, again=PASSWORD + "?"),
            await here.act("/console/you/password", password="short", again="short"),
            await here.act("/console/you/codes", secret=owner.secret, code="12345"),
            await here.by_link(link),
            await here.by_link(link),
            await here.get("/console/settings/operators"),
            await here.get("/console/settings/audit-trail"),
        ]
        csrf = await here.csrf()
    finally:
        configure_logging("warning")
    secrets = (PASSWORD, link, owner.secret, owner.token, here.token, code, csrf)
    look = look_into(shop.database)
    kept = {name: str(look(f"SELECT * FROM {name}", ())) for name in tables_of(look, shop.database)}
    assert [name for name, text in kept.items() for one in secrets if one in text] == []
    assert [line for line in written.getvalue().splitlines() for one in secrets if one in line] == []
    answered = [page.html for page in told if page is not told[7]]  # which shows the secret that it asks to be scanned
    assert [html for html in answered for one in secrets if one in html and one != csrf] == []
    assert pyotp.TOTP(owner.secret).provisioning_uri() not in "".join(answered)
    assert new_id("opr")[:4] in kept["operators"]


async def test_sessions_and_links_are_forgotten_a_while_after_their_end_and_the_trail_is_not(shop):
    """Given to each: one that is over for long, and one that is not."""
    await signed_in(shop, "support")
    await link_for(shop, "support@example.com")
    shop.wall.move(30 * 24 * 3600)
    late = await signed_in(shop, "read_only")
    await link_for(shop, "support@example.com")
    shop.wall.move(13 * 3600)
    before = shop.query("SELECT count(*) AS n FROM audit_actions WHERE action = 'operator.signed_in'")

    answer = await shop.as_server().post("/sandbox/clock", {"advance": "1d"})

    assert answer.json["done"] is True
    kept = shop.query("SELECT operator_id FROM console_sessions")
    assert kept == [{"operator_id": late.operator.id}]
    links = shop.query("SELECT o.login FROM operator_links l JOIN operators o ON o.id = l.operator_id ORDER BY login")
    assert [one["login"] for one in links] == ["read_only@example.com", "support@example.com"]
    assert shop.query("SELECT count(*) AS n FROM audit_actions WHERE action = 'operator.signed_in'") == before
