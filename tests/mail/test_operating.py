"""What operators see of mails and do about them: figures, the list, sending again, and what the audit sees."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from storefront_mail.auditing import CHECKS

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.core.audit import Outside, verify_file
from tests.cli.conftest import storefront

from .conftest import give_address, told

OUTSIDE = Outside(checks=CHECKS)
_ONE = "(SELECT min(id) FROM mail_messages WHERE state = '{}')"
PLANTS = {
    "waits for nobody": ("DELETE FROM jobs WHERE kind = 'mail.send'", "M1", "waits, and nothing will send it"),
    "failed for no reason": (
        f"UPDATE mail_messages SET reason = NULL WHERE id = {_ONE.format('failed')}", "M1", "does not say why",
    ),
    "a state of its own": (
        f"UPDATE mail_messages SET state = 'lost' WHERE id = {_ONE.format('failed')}", "M1", "which means nothing",
    ),
    "of no event": (
        f"UPDATE mail_messages SET event_id = 'evt_x' WHERE id = {_ONE.format('sent')}", "M2", "no such event",
    ),
    "two under one Message-ID": (
        "UPDATE mail_messages SET message_id = '<x@example.com>' WHERE state IN ('sent', 'failed')",
        "M2", "is not the only one",
    ),
}  # fmt: skip


async def refused(club, inbox, *, customer="ada"):
    """Buy something whose receipt the SMTP server refuses for good; return the mail."""
    inbox.replies = ["550 5.1.1 Nobody here"]
    await give_address(club, f"{customer}@example.com", customer=customer)
    await club.bought("gems-500", customer=customer)
    failed = "SELECT id FROM mail_messages WHERE state = 'failed'"
    await club.until(lambda: club.query(failed))
    await club.quiet()
    return club.query(failed)[0]["id"]


async def figures(club):
    async with club.http.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    ours = (line.rsplit(" ", 1) for line in lines if line.startswith("storefront_mail_"))
    return {name: float(value) for name, value in ours}


async def test_the_metrics_say_what_waits_since_when_and_what_was_given_up(club, inbox):
    await refused(club, inbox)
    await inbox.close()
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1 AND state = 'queued'"))
    await club.advance("1h")
    found = await figures(club)
    assert found["storefront_mail_waiting"] == 1
    assert 3600 <= found["storefront_mail_oldest_seconds"] < 3900
    assert found['storefront_mail_given_up{state="failed"}'] == 1
    assert found['storefront_mail_given_up{state="expired"}'] == 0


async def test_the_shell_lists_what_failed_and_sends_it_again_once_also_when_it_is_old(club, inbox, data_folder):
    failed = await refused(club, inbox)
    host = club.parts.host

    async def ask(*arguments, code=0):
        done = await asyncio.to_thread(
            storefront, "mail", *arguments, "--config", data_folder / "shop.yaml", DATA=str(data_folder / "data"),
            SMTP_PORT=str(inbox.port),
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    async with control_socket(Desk(club.parts, url=club.url, read=lambda: host)):
        listed = await ask("list", "--state", "failed")
        assert failed in listed
        assert "550 5.1.1 Nobody here" in listed
        assert json.loads(await ask("list", "--state", "sent", "--json"))["data"] == []
        await club.advance("9d")
        assert json.loads(await ask("resend", failed, "--json"))["state"] == "queued"
        await club.until(lambda: inbox.mails)
        await club.quiet()
        assert "The server has taken it" in await ask("resend", failed, code=1)
        (sent,) = json.loads(await ask("list", "--customer", "ada", "--json"))["data"]
        assert "no such mail" in await ask("resend", "mai_x", code=1)
    assert (sent["id"], sent["state"], sent["customer"]) == (failed, "sent", "ada")
    assert len(inbox.mails) == 1
    assert await told(club) == [("receipt", "sent", None)]
    assert club.query("SELECT about FROM audit_actions WHERE action = 'mail.resent'") == [{"about": failed}]


@pytest.fixture
async def book(club, inbox):
    """Return the database of a shop of which one mail was sent, one failed and one waits."""
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: inbox.mails)
    await refused(club, inbox, customer="bob")
    await inbox.close()
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1 AND state = 'queued'"))
    await club.stop()
    yield club
    await club.start()


async def _violations(path):
    report = await verify_file(path, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check in ("M1", "M2")]


async def test_the_audit_sees_mails_that_nobody_sends_or_that_say_nothing(book, data_folder, tmp_path):
    whole = data_folder / "data" / "storefront.sqlite"
    assert await _violations(whole) == []
    for name, (statement, check, said) in PLANTS.items():
        copy = shutil.copy(whole, tmp_path / "book.sqlite")
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute(statement).rowcount > 0, name
            connection.commit()
        found = await _violations(copy)
        assert [one.check for one in found] == [check], (name, found)
        assert said in found[0].message
