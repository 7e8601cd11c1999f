"""Opting out: by one click, by the page, and what still comes then."""

from tests.subscriptions.subscribing import subscribe

from .conftest import days_pass, give_address, told


async def canceled(club):
    subscription = await subscribe(club)
    answer = await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {}, key="cancel")
    assert answer.status == 200, answer
    return subscription


async def test_one_click_ends_all_but_the_necessary(club, inbox):
    await give_address(club)
    await canceled(club)
    await club.until(lambda: len(inbox.mails) == 2)
    mail = next(one for one in inbox.mails if one["Subject"] == "You have canceled Basic")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<>")
    assert url in mail.get_body(("plain",)).get_content()

    async with club.http.get(url) as page:
        assert (page.status, "No more mails?" in await page.text()) == (200, True)
    assert club.query("SELECT opted_out_at FROM mail_addresses")[0]["opted_out_at"] is None

    async with club.http.post(url, data={"List-Unsubscribe": "One-Click"}) as answer:
        assert answer.status == 200
    async with club.http.post(url, data={"List-Unsubscribe": "One-Click"}) as answer:
        assert (answer.status, "You get no more mails" in await answer.text()) == (200, True)
    await days_pass(club, 30)
    await club.bought("gems-500")
    await club.until(lambda: len(inbox.mails) == 3)
    await club.until(lambda: not club.query("SELECT 1 AS n FROM mail_messages WHERE state = 'queued'"))
    assert {*await told(club)} == {
        ("receipt", "sent", None),
        ("cancellation", "sent", None),
        ("subscription_ended", "skipped", "opted_out"),
    }


async def test_the_link_works_as_long_as_the_address_is_the_same(club):
    await give_address(club)
    token = club.query("SELECT token FROM mail_addresses")[0]["token"]
    await give_address(club, language="de")
    path = f"/mail/unsubscribe/{token}"
    async with club.http.post(path) as answer:
        assert (answer.status, "Erledigt" in await answer.text()) == (200, True)
    await give_address(club, "new@example.com")
    async with club.http.get(path) as answer:
        assert answer.status == 404
    assert club.query("SELECT opted_out_at FROM mail_addresses")[0]["opted_out_at"] is not None


async def test_an_opt_out_can_be_taken_back_on_the_page(club):
    await give_address(club)
    token = club.query("SELECT token FROM mail_addresses")[0]["token"]
    async with club.http.post(f"/mail/unsubscribe/{token}", data={"a": "b"}) as answer:
        assert answer.status == 200
    async with club.http.post(f"/mail/subscribe/{token}") as answer:
        assert (answer.status, "No more mails?" in await answer.text()) == (200, True)
    assert club.query("SELECT opted_out_at FROM mail_addresses")[0]["opted_out_at"] is None


async def test_a_token_that_was_guessed_or_erased_answers_like_nothing(club):
    await give_address(club)
    token = club.query("SELECT token FROM mail_addresses")[0]["token"]
    assert (await club.as_server().delete("/v1/mail/customers/ada")).status == 200
    for path in (f"/mail/unsubscribe/{token}", "/mail/unsubscribe/x", f"/mail/unsubscribe/{'x' * 3000}"):
        async with club.http.post(path) as answer:
            assert answer.status == 404
