"""Reminders by mail: in the reader's language, with what is charged to what, and none that nobody needs any more."""

from datetime import datetime, timedelta

from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.pausing import days_from, paused, resumed
from tests.subscriptions.subscribing import see, subscribe
from tests.subscriptions.test_final_invoices import FINAL, SHORT, left
from tests.subscriptions.test_reminders import go_to, save_card

from .conftest import MAIL, days_pass, give_address, mailing, told

YEARLY = "subscriptions: {reminders: {renewal: {year: 7d}, card: []}}"
PAUSING = "subscriptions: {pause: {customers: true, max: 90d}, reminders: {card: []}}"


async def test_the_end_of_a_trial_says_what_is_charged_then_and_where_to_cancel(club, inbox):
    await give_address(club)
    await give_address(club, "bob@example.com", customer="bob", language="de")
    await subscribe(club, "tried")
    await subscribe(club, "tried", customer="bob")
    await save_card(club, 12, customer="bob")
    await days_pass(club, 10)
    await club.advance("1d")
    await club.until(lambda: len(inbox.mails) == 2)
    at = {mail["To"]: index for index, mail in enumerate(inbox.mails)}
    plain, html = inbox.texts(at["ada@example.com"])
    assert inbox.mails[at["ada@example.com"]]["Subject"].startswith("Your trial of Reading ends on ")
    assert "After that it costs $3.00, and we have no payment method of yours. Save one if you want to" in plain
    assert f'href="{club.url}/account"' in html
    assert inbox.mails[at["ada@example.com"]]["List-Unsubscribe"] is None
    plain, _ = inbox.texts(at["bob@example.com"])
    assert inbox.mails[at["bob@example.com"]]["Subject"].startswith("Deine Probezeit für Reading endet am ")
    assert "die wir mit Visa •••• 4242 abbuchen" in plain.replace("\N{NO-BREAK SPACE}", " ")
    await days_pass(club, 5)
    subjects = [mail["Subject"] for mail in inbox.mails]
    assert len([subject for subject in subjects if " ends on " in subject or "endet am" in subject]) == 2


async def test_a_card_that_expires_is_told_of_until_its_owner_opts_out(club, inbox):
    await give_address(club)
    method, gone = await save_card(club)
    await subscribe(club, payment_method=method)
    await go_to(club, gone - timedelta(days=29))
    told_of = "Your card for Basic expires soon"
    await club.until(lambda: any(mail["Subject"] == told_of for mail in inbox.mails))
    mail = next(mail for mail in inbox.mails if mail["Subject"] == told_of)
    said = mail.get_body(("plain",)).get_content().replace("\N{NO-BREAK SPACE}", " ")
    month = f"{gone - timedelta(days=1):%B %Y}"
    assert f"Visa •••• 4242, which pays Basic, expires at the end of {month}." in said
    assert f"{club.url}/account" in said
    async with club.http.post(mail["List-Unsubscribe"].strip("<>")) as answer:
        assert answer.status == 200
    await go_to(club, gone - timedelta(days=6))
    await club.until(lambda: ("card_expiring", "skipped", "opted_out") in [*club_told(club)])


def club_told(club):
    rows = club.query("SELECT template, state, reason FROM mail_messages")
    return [(row["template"], row["state"], row["reason"]) for row in rows]


async def test_a_renewal_of_a_year_is_announced_and_what_is_canceled_before_it_is_sent_is_not(data_folder, inbox):
    yaml = mailing().replace("subscriptions: {}", YEARLY)
    async with running_shop(data_folder, yaml, environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await give_address(shop, "bob@example.com", customer="bob")
        await subscribe(shop, "premium", interval="year")
        bobs = await subscribe(shop, "premium", interval="year", customer="bob")
        await shop.until(lambda: len(inbox.mails) == 2)
        await inbox.close()
        shop.wall.move(359 * 86_400)
        shop.parts.jobs.wake()
        waiting = ("renewal_upcoming", "queued")
        await shop.until(lambda: [one[:2] for one in club_told(shop)].count(waiting) == 2)
        assert (await shop.as_customer("bob").post(f"/v1/subscriptions/{bobs}/cancel", {})).status == 200
        await inbox.open()
        await shop.advance("1h")
        await shop.until(lambda: waiting not in [one[:2] for one in club_told(shop)])
        reminders = {one for one in club_told(shop) if one[0] == "renewal_upcoming"}
        assert reminders == {("renewal_upcoming", "skipped", "canceled"), ("renewal_upcoming", "sent", None)}
        announced = [mail for mail in inbox.mails if mail["Subject"].startswith("Premium renews on ")]
        assert [mail["To"] for mail in announced] == ["ada@example.com"]
        assert "which we charge to Visa" in announced[0].get_body(("plain",)).get_content()


async def test_a_reminder_that_comes_too_late_is_not_sent(data_folder, inbox):
    yaml = mailing(SUBSCRIBED, more="max_age: 9d")
    async with running_shop(data_folder, yaml, environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await subscribe(shop, "tried")
        await inbox.close()
        await days_pass(shop, 10)
        await shop.advance("1d")
        await shop.until(lambda: shop.query("SELECT 1 AS n FROM mail_messages WHERE template = 'trial_ending'"))
        await shop.advance("4d")
        await inbox.open()
        await shop.advance("8h")
        await shop.until(lambda: "expired" in [state for _, state, _ in club_told(shop)])
        assert [mail for mail in inbox.mails if "trial" in mail["Subject"]] == []
        assert ("trial_ending", "sent", None) not in await told(shop)


def texts_of(inbox, subject):
    """Return the plain texts of the mails whose subject begins so."""
    found = [mail for mail in inbox.mails if mail["Subject"].startswith(subject)]
    return [mail.get_body(("plain",)).get_content().replace("\N{NO-BREAK SPACE}", " ") for mail in found]


async def test_a_pause_is_told_when_it_begins_before_it_is_over_and_when_it_is(data_folder, inbox):
    yaml = mailing().replace("subscriptions: {}", PAUSING)
    async with running_shop(data_folder, yaml, environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await give_address(shop, "bob@example.com", customer="bob", language="de")
        subscription = await subscribe(shop)
        bobs = await subscribe(shop, customer="bob")
        await paused(shop, bobs, by=shop.as_customer("bob"))
        await shop.until(lambda: texts_of(inbox, "Basic pausiert"))
        said = texts_of(inbox, "Basic pausiert")[0]
        assert "Was du für den Rest bezahlt hattest, 4,99 $, bleibt dir und zahlt, was als Nächstes kommt." in said
        assert "geht es von selbst weiter und wird dann bezahlt." in said
        await resumed(shop, bobs, by=shop.as_customer("bob"))
        await shop.until(lambda: texts_of(inbox, "Basic geht weiter"))

        end = (await see(shop, subscription))["period_end"]
        await paused(shop, subscription, at="period_end", resume_at=days_from(end, 20))
        await days_pass(shop, 30)
        await shop.advance("1d")
        await shop.until(lambda: texts_of(inbox, "Basic is paused"))
        assert "What you had paid for the rest" not in texts_of(inbox, "Basic is paused")[0]
        mail = next(mail for mail in inbox.mails if mail["Subject"] == "Basic is paused")
        async with shop.http.post(mail["List-Unsubscribe"].strip("<>")) as answer:
            assert answer.status == 200
        await inbox.close()
        await go_to(shop, datetime.fromisoformat(days_from(end, 17.1)))
        await shop.until(lambda: ("resume_upcoming", "queued") in [one[:2] for one in club_told(shop)])
        await paused(shop, subscription, at="period_end", resume_at=days_from(end, 25))
        await inbox.open()
        await shop.advance("5h")
        await shop.until(lambda: ("resume_upcoming", "skipped", "put_off") in club_told(shop))
        await go_to(shop, datetime.fromisoformat(days_from(end, 22.1)))
        await shop.until(lambda: texts_of(inbox, "Basic goes on again on "))
        said = texts_of(inbox, "Basic goes on again on ")
        assert len(said) == 1
        assert "The next period costs $4.99, which we charge to Visa •••• 4242." in said[0]
        await go_to(shop, datetime.fromisoformat(days_from(end, 25.1)))
        await shop.until(lambda: ("resumed", "skipped", "opted_out") in club_told(shop))


async def test_another_price_is_told_once_with_what_it_was(data_folder, inbox):
    yaml = mailing().replace("subscriptions: {}", PAUSING)
    environ = {"SMTP_PORT": str(inbox.port)}
    async with running_shop(data_folder, yaml, environ=environ) as shop:
        await give_address(shop)
        await subscribe(shop)
        await shop.quiet()
        dearer = yaml.replace("prices: {USD: 499, gems: 300}", "existing: next_renewal, prices: {USD: 599, gems: 300}")
        assert dearer != yaml
        (data_folder / "shop.yaml").write_text(dearer)
        await shop.restart()
        for _ in range(2):
            await days_pass(shop, 31)
        await shop.until(lambda: texts_of(inbox, "The price of Basic has changed"))
        said = texts_of(inbox, "The price of Basic has changed")
        assert len(said) == 1
        assert "costs $5.99 for each seat, and no more $4.99." in said[0]


async def test_last_usage_that_is_not_paid_is_told_also_to_who_wants_no_mail(data_folder, inbox):
    yaml = FINAL.replace("plugins:\n", "plugins:\n  " + MAIL, 1)
    async with running_shop(data_folder, yaml, environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await left(shop, card=SHORT)
        await shop.until(lambda: texts_of(inbox, "Worker has ended"))
        mail = next(mail for mail in inbox.mails if mail["Subject"] == "Worker has ended")
        async with shop.http.post(mail["List-Unsubscribe"].strip("<>")) as answer:
            assert answer.status == 200
        await shop.advance("2h")
        told_of = "We could not collect what you used of Worker"
        await shop.until(lambda: texts_of(inbox, told_of))
        said = texts_of(inbox, told_of)[0]
        assert "The payment of $2.50 for what you used last of Worker, which has ended, did not go through." in said
        assert "We try again on " in said
