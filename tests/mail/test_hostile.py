"""What others wrote, and what operators get wrong: no header, no markup and no template gets out of hand."""

import email

import pytest
from storefront_mail.config import MAILINGS
from storefront_mail.templates import OURS, language_of, mistakes_in

from storefront.core.config import ConfigError
from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import subscribe

from .conftest import give_address, mailing

HOSTILE = SUBSCRIBED.replace("shop: {name: Tiny shop}", 'shop: {name: "Ada & <b>Co</b>, \\"Ltd\\""}').replace(
    "title: 500 gems", 'title: "<script>x</script>\\r\\nBcc: eve@example.com {{ 7 * 7 }}"'
)


async def test_a_title_can_add_no_header_and_no_markup(data_folder, inbox):
    async with running_shop(data_folder, mailing(HOSTILE), environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(lambda: inbox.mails)
        mail = inbox.mails[0]
        plain, html = inbox.texts()
        assert mail["Bcc"] is None
        assert inbox.recipients == ["ada@example.com"]
        assert mail["Subject"] == "Your receipt: <script>x</script> Bcc: eve@example.com {{ 7 * 7 }}"
        assert mail["From"].addresses[0].display_name == 'Ada & <b>Co</b>, "Ltd"'
        assert "<script>" not in html
        assert "<b>Co" not in html
        assert "{{ 7 * 7 }}" in plain
        assert not any(line.startswith(b"Bcc") for line in inbox.raw[0].splitlines())
        assert email.message_from_bytes(inbox.raw[0]).defects == []


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n",
        "ada@example.com, eve@example.com",
        "<ada@example.com>",
        "ada",
        "@example.com",
        "ada@",
        "ada eve@example.com",
        "ada@exämple.com",
        f"{'a' * 65}@example.com",
        "",
    ],
)
async def test_what_is_no_plain_address_is_refused(club, address):
    answer = await club.as_server().put("/v1/mail/customers/ada", {"email": address})
    assert (answer.status, club.query("SELECT count(*) AS n FROM mail_addresses")) == (422, [{"n": 0}])


async def test_an_operators_templates_stand_in_for_ours_and_add_further_mails(data_folder, inbox):
    folder = data_folder / "mails"
    (folder / "en").mkdir(parents=True)
    (folder / "en/receipt.txt").write_text("Subject: Ta for {{ title }}\n\nYou paid {{ amount }}.\n")
    (folder / "en/welcome.txt").write_text("Subject: Welcome to {{ title }}\n\nUntil {{ date }}.\n")
    (folder / "en/welcome.html").write_text("<p>Until {{ date }}.</p>\n")
    more = f"templates: {folder}\nevents: {{subscription.started: {{template: welcome}}}}\n"
    async with running_shop(data_folder, mailing(more=more), environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await subscribe(shop)
        await shop.until(lambda: len(inbox.mails) == 2)
        assert {mail["Subject"] for mail in inbox.mails} == {"Ta for Basic", "Welcome to Basic"}


async def test_an_event_that_is_switched_off_sends_nothing(data_folder, inbox):
    more = "events: {purchase.completed: false}\n"
    async with running_shop(data_folder, mailing(more=more), environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.quiet()
        assert shop.query("SELECT count(*) AS n FROM mail_messages") == [{"n": 0}]


async def test_a_template_reaches_nothing_but_its_variables(data_folder, inbox):
    folder = data_folder / "mails"
    (folder / "en").mkdir(parents=True)
    (folder / "en/receipt.txt").write_text("Subject: x\n\n{{ title.__class__.__mro__ }}\n")
    more = f"templates: {folder}\n"
    async with running_shop(data_folder, mailing(more=more), environ={"SMTP_PORT": str(inbox.port)}) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(lambda: shop.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
        assert "SecurityError" in shop.query("SELECT reason FROM mail_messages")[0]["reason"]
        assert inbox.mails == []


MISTAKES = {
    "en/receipt.txt": ("Subject: x\n\n{{ titel }}\n", "receipt.txt:3: there is no variable titel"),
    "en/receipt.html": ("<p>\n{% if title %}\n", "receipt.html:2: "),
    "de/receipt.txt": ("Hello\n", "receipt.txt:1: the first line must be `Subject: …`"),
    "layout.html": ("<p>{{ shop }}</p>\n", "layout.html:1: there is no variable shop"),
    "en/action_link.html": ('{% extends "lay.html" %}\n', "action_link.html:1: there is no template lay.html"),
}


def test_our_own_templates_have_no_mistakes_and_are_there_in_both_languages():
    names = {mailing.template for mailing in MAILINGS.values()} | {"test"}
    assert list(mistakes_in(OURS, sorted(names))) == []
    assert {language_of(None, name, [language]) for name in names for language in ("en", "de")} == {"en", "de"}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_broken_template_is_found_before_the_shop_starts(data_folder, name):
    text, complaint = MISTAKES[name]
    file = data_folder / "mails" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        await never_runs(data_folder, f"templates: {data_folder / 'mails'}\n")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("templates: /nowhere\n", "there is no folder /nowhere"),
        ("events: {subscription.renewed: {template: renewed}}\n", "there is no template en/renewed.txt"),
        ("username: shop\n", "needs `password` beside it"),
        ("ca_file: /nowhere.pem\n", "there is no file /nowhere.pem"),
        ("username: shop\npassword: in-clear\n", "password"),
    ],
)
async def test_a_section_that_cannot_work_is_found_before_the_shop_starts(data_folder, more, complaint):
    with pytest.raises(ConfigError) as caught:
        await never_runs(data_folder, more)
    assert complaint in str(caught.value)


async def test_mail_in_clear_leaves_this_machine_only_if_that_is_said(data_folder):
    with pytest.raises(ConfigError) as caught:
        await never_runs(data_folder, "", host="smtp.example.com")
    assert "sends mail in clear" in str(caught.value)
    yaml = mailing(more="allow_plaintext: true\n").replace("127.0.0.1", "smtp.example.com")
    async with running_shop(data_folder, yaml, environ={"SMTP_PORT": "25"}) as shop:
        assert (await shop.as_server().put("/v1/mail/customers/ada", {"email": "ada@example.com"})).status == 200


async def never_runs(folder, more, host="127.0.0.1"):
    yaml = mailing(more=more).replace("host: 127.0.0.1", f"host: {host}")
    async with running_shop(folder, yaml, environ={"SMTP_PORT": "25"}):
        raise AssertionError("it started")
