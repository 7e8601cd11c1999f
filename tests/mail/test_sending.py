"""What is sent, to whom, in which language; and that each mail is whole."""

import asyncio
import os
import sys
from datetime import datetime

from storefront.testing import running_shop
from tests.subscriptions.gifting import gift
from tests.subscriptions.subscribing import see, subscribe
from tests.subscriptions.test_failing import with_card

from .conftest import days_pass, give_address, mailing, told


async def test_a_purchase_in_money_is_followed_by_a_receipt_with_its_number(club, inbox):
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: inbox.mails)
    mail = inbox.mails[0]
    plain, html = inbox.texts()
    number = club.query("SELECT series, number FROM receipts")[0]
    assert (mail["To"], mail["From"], mail["Reply-To"]) == (
        "ada@example.com",
        "Tiny shop <shop@example.com>",
        "help@example.com",
    )
    assert mail["Subject"] == "Your receipt: 500 gems"
    assert mail["List-Unsubscribe"] is None
    assert "Total: $4.99" in plain
    assert "$4.99" in html
    assert str(number["number"]) in plain
    await club.quiet()
    assert await told(club) == [("receipt", "sent", None)]
    assert len(inbox.mails) == 1


async def test_what_is_paid_from_the_wallet_gets_no_mail(club, inbox):
    await give_address(club)
    await club.bought("gems-500")
    await club.bought("potion")
    await club.until(lambda: inbox.mails)
    await club.quiet()
    assert await told(club) == [("receipt", "sent", None)]


async def test_without_an_address_it_says_so_and_sends_nothing(club, inbox):
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE state = 'skipped'"))
    assert await told(club) == [("receipt", "skipped", "no_address")]
    assert inbox.mails == []


async def test_a_renewal_that_fails_is_told_with_when_it_is_tried_again(club, inbox):
    await give_address(club, language="de-AT")
    await with_card(club, "4000 0000 0000 9995")
    await days_pass(club, 30)
    await club.until(lambda: len(inbox.mails) == 2)
    plain, html = inbox.texts()
    assert inbox.mails[1]["Subject"] == "Basic konnte nicht verlängert werden"
    assert "4,99" in plain
    assert "versuchen wir es wieder" in plain
    assert '<html lang="de">' in html


async def test_a_mail_says_of_access_that_is_over_that_it_is(club, inbox):
    await give_address(club)
    await with_card(club, "4000 0000 0000 9995")
    await days_pass(club, 30)
    await club.until(lambda: len(inbox.mails) == 2)
    assert "You keep everything until " in inbox.texts()[0]
    await days_pass(club, 10)
    await club.until(lambda: len(inbox.mails) == 4)
    for text in inbox.texts():
        assert "Basic is off until it is paid." in text
        assert "You keep" not in text
    await days_pass(club, 15)
    await club.until(lambda: any("has ended" in mail["Subject"] for mail in inbox.mails))
    ended = next(at for at, mail in enumerate(inbox.mails) if "has ended" in mail["Subject"])
    assert all("Your access ended on " in text for text in inbox.texts(ended))


async def test_a_payer_who_must_confirm_gets_the_link(club, inbox):
    await give_address(club)
    await with_card(club, "4000 0027 6000 3184")
    await days_pass(club, 30)
    await club.until(lambda: any("confirm" in mail["Subject"] for mail in inbox.mails))
    asked = club.query("SELECT payload FROM events WHERE type = 'subscription.action_required'")
    plain, _ = inbox.texts([mail["Subject"] for mail in inbox.mails].index("Please confirm a payment: Basic"))
    url = plain.partition("Confirm the payment: ")[2].split()[0]
    assert url in asked[0]["payload"]


async def test_a_cancellation_is_confirmed_and_its_end_is_told(club, inbox):
    await give_address(club)
    subscription = await subscribe(club)
    answer = await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {}, key="cancel")
    assert answer.status == 200, answer
    await club.until(lambda: len(inbox.mails) == 2)
    end = datetime.fromisoformat((await see(club, subscription))["period_end"])
    told_of = next(mail for mail in inbox.mails if mail["Subject"] == "You have canceled Basic")
    assert f"Basic ends on {end:%B} {end.day}, {end.year}, and is not renewed." in told_of.get_body().get_content()
    await days_pass(club, 30)
    await club.until(lambda: len(inbox.mails) == 3)
    subjects = {mail["Subject"] for mail in inbox.mails}
    assert subjects == {"Your receipt: Basic", "You have canceled Basic", "Basic has ended"}


async def test_a_language_that_has_no_templates_falls_back(club, inbox):
    await give_address(club, language="nb")
    await club.bought("gems-500")
    await club.until(lambda: inbox.mails)
    assert inbox.mails[0]["Subject"] == "Your receipt: 500 gems"


async def test_an_erased_customer_gets_nothing_and_leaves_no_address(club, inbox):
    await give_address(club)
    await inbox.close()
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    assert (await club.as_server().delete("/v1/mail/customers/ada")).status == 200
    await inbox.open()
    await club.advance("2m")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE state = 'skipped'"))
    assert inbox.mails == []
    for table in ("mail_addresses", "mail_messages", "events", "jobs", "audit_log"):
        if table in club.rows():
            assert "ada@example.com" not in str(club.query(f"SELECT * FROM {table}"))


async def test_strangers_and_customers_may_not_read_addresses(club):
    await give_address(club)
    assert (await club.as_nobody().get("/v1/mail/customers/ada")).status == 401
    assert (await club.as_customer().get("/v1/mail/customers/ada")).status == 403
    assert (await club.as_customer().put("/v1/mail/customers/ada", {"email": "eve@example.com"})).status == 403


TAXED = """tax:
  prices: inclusive
  seller: {name: Lowtide Games GmbH, tax_id: DE123456789, country: DE, address: [Hafenstrasse 1, 20457 Hamburg]}
  rates:
    - {country: DE, class: digital, percent: "19"}
"""


async def test_a_receipt_says_who_sold_and_which_tax_is_in_it(data_folder, inbox):
    async with running_shop(data_folder, mailing() + TAXED, environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await shop.session("ada", country="DE")
        await give_address(shop, language="de")
        await shop.bought("gems-500", currency="EUR", quantity=2)
        await shop.until(lambda: inbox.mails)
        plain, html = inbox.texts()
        told = plain.replace("\N{NO-BREAK SPACE}", " ").replace("\r\n", "\n")
        assert "2 × 500 gems: 9,58 €\nNetto: 8,05 €\n19% VAT (Deutschland): 1,53 €\nSumme: 9,58 €" in told
        assert "Lowtide Games GmbH\nHafenstrasse 1\n20457 Hamburg\nDeutschland\nDE123456789" in told
        assert "Hafenstrasse 1<br>20457 Hamburg" in html


async def test_the_shell_sends_a_test_mail_and_says_what_the_server_answered(data_folder, inbox):
    config = data_folder / "mail.yaml"
    config.write_text(mailing())
    variables = {"SMTP_PORT": str(inbox.port), "DATA": str(data_folder / "data")}

    async def ask(*more):
        command = (
            sys.executable,
            "-m",
            "storefront",
            "mail",
            "test",
            "ada@example.com",
            "--config",
            str(config),
            *more,
        )
        asked = await asyncio.create_subprocess_exec(*command, env={**os.environ, **variables}, stdout=-1, stderr=-1)
        out, errors = await asked.communicate()
        return asked.returncode, (out + errors).decode()

    code, told = await ask("--language", "de", "--json")
    assert code == 0, told
    assert inbox.mails[0]["Subject"] == "Eine Testmail von Tiny shop"
    assert inbox.mails[0]["Message-ID"] in told
    inbox.replies = ["550 5.7.1 Not from you"]
    code, told = await ask()
    assert code == 1
    assert "550 5.7.1 Not from you" in " ".join(told.split())


async def test_whoever_is_given_periods_is_told_until_when_and_not_by_whom(club, inbox):
    await give_address(club, "bob@example.com", customer="bob")
    await give_address(club, "cleo@example.com", customer="cleo", language="de")
    for name in ("bob", "cleo"):
        await gift(club, "basic", 2, to=name)
    await club.until(lambda: len(inbox.mails) == 2)
    at = {mail["To"]: index for index, mail in enumerate(inbox.mails)}
    assert inbox.mails[at["bob@example.com"]]["Subject"] == "You have been given Basic"
    plain, html = inbox.texts(at["bob@example.com"])
    assert "Somebody has given you Basic: it is paid until" in plain
    assert f'href="{club.url}/account"' in html
    assert "ada" not in plain + html
    assert inbox.mails[at["cleo@example.com"]]["Subject"] == "Du hast Basic geschenkt bekommen"
