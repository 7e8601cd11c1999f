"""The operator's shell beside a running server: customers, purchases, refunds, inbox, jobs, disputes, reconciling."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import TINY_SHOP, Shop, running_shop
from tests.plugins.conftest import strangers  # noqa: F401 a fixture
from tests.reviews.conftest import JUDGE
from tests.shop.test_disputes import drink

from .conftest import Told, storefront


class Shell:
    """The real command, against a shop that serves in this process."""

    def __init__(self, shop: Shop, config: Path, data: Path) -> None:
        self.shop = shop
        self._config = config
        self._data = data

    async def ask(self, *arguments: str) -> Told:
        """Run a command to its end while the shop goes on serving."""
        return await asyncio.to_thread(storefront, *arguments, "--config", self._config, DATA=str(self._data))

    async def told(self, *arguments: str) -> Any:
        """Return the facts that a command prints as JSON."""
        done = await self.ask(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def audited(self) -> list[str]:
        """Return what the operator's shell did, oldest first."""
        rows = self.shop.query("SELECT action FROM audit_actions WHERE actor = 'operator:shell' ORDER BY id")
        return [row["action"] for row in rows]


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            yield Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")


async def test_a_customer_is_shown_with_wallets_debts_and_what_is_frozen(shell: Shell) -> None:
    shop = shell.shop
    spent = await shop.bought("gems-500")
    await shop.bought("potion", quantity=8)
    await drink(shop, 8)
    await shop.sandbox.dispute(spent)
    await shop.quiet()
    frozen = await shell.told("customers", "show", "ada")
    await shop.sandbox.dispute(spent, "lost")
    await shop.quiet()
    found = await shell.told("customers", "show", "ada")
    by_our_id = await shell.told("customers", "show", found["id"])
    said = await shell.ask("customers", "show", "ada")
    nobody = await shell.ask("customers", "show", "bob")

    assert [one["wallets"] for one in frozen["freezes"]] == [{"gems": 380}]
    assert found["state"]["wallets"]["gems"]["balance"] == 0
    assert [(one["asset"], one["owed"]) for one in found["debts"]] == [("gems", 120)]
    assert [one["sku"] for one in found["purchases"]] == ["potion", "gems-500"]
    assert by_our_id["customer"] == "ada"
    assert "120 gems" in said.stdout
    assert "dispute: lost" in said.stdout
    assert (nobody.returncode, "There is no customer bob" in nobody.stderr) == (1, True)


async def test_a_purchase_is_shown_with_its_entries_reversals_events_and_receipt(shell: Shell) -> None:
    pack = await shell.shop.bought("gems-500")
    assert (await shell.ask("reconcile")).returncode == 0
    made = await shell.told("refund", pack["id"], "--reason", "a mistake", "--amount", "2.50", "USD")
    await shell.shop.until(lambda: shell.shop.query("SELECT number FROM receipts"))
    found = await shell.told("purchases", "show", pack["id"])
    said = await shell.ask("purchases", "show", pack["id"])

    assert (made["state"], made["amount"]) == ("completed", {"amount": 250, "currency": "USD"})
    assert found["purchase"]["refunded"] == "part"
    assert [(one["id"], one["state"]) for one in found["reversals"]] == [(made["id"], "completed")]
    kinds = [entry["kind"] for entry in found["entries"]]
    assert kinds == ["purchase.settled", "gateway.payment", "refund"]
    accounts = {one["destination"] for entry in found["entries"] for one in entry["transfers"]}
    assert "platform:revenue:USD" in accounts
    assert "purchase.completed" in [one["type"] for one in found["events"]]
    assert found["receipt"]["label"] is not None
    assert "2.50 USD" in said.stdout
    assert "gateway:sandbox:clearing:USD → " in said.stdout


async def test_a_dry_run_changes_nothing_and_a_key_refunds_once(shell: Shell) -> None:
    pack = await shell.shop.bought("gems-500")
    await shell.shop.bought("sword")
    await shell.shop.quiet()
    before = shell.shop.rows()
    shown = await shell.told("refund", pack["id"], "-r", "a mistake", "--strategy", "debt", "--dry-run")
    refused = await shell.ask("refund", pack["id"], "-r", "a mistake")
    assert shell.shop.rows() == before
    first = await shell.told("refund", pack["id"], "-r", "a mistake", "--strategy", "debt", "--key", "k1")
    again = await shell.told("refund", pack["id"], "-r", "a mistake", "--strategy", "debt", "--key", "k1")

    assert (shown["dry_run"], shown["amount"]["amount"], shown["quantity"]) == (True, 499, 1)
    assert shown["taken_back"] == first["taken_back"]
    assert [(one["written_off"], one["owed"]) for one in shown["taken_back"]["credits"]] == [(0, 120)]
    assert (refused.returncode, "--key" in refused.stderr) == (1, False)
    assert "120 of 500 gems" in refused.stderr
    assert "with debt missing currency is owed" in refused.stderr
    assert first["id"] == again["id"]
    assert shell.shop.query("SELECT amount FROM debts") == [{"amount": 120}]
    assert shell.audited() == ["purchase.refunded"]


@pytest.mark.parametrize(
    ("amount", "says"),
    [(("2.505", "USD"), "at most 2 decimals"), (("2", "EUR"), "must be in USD"), (("0", "USD"), "more than nothing"),
     (("two", "USD"), "no amount")],
)  # fmt: skip
async def test_an_amount_that_cannot_be_meant_is_explained(shell: Shell, amount: tuple[str, str], says: str) -> None:
    pack = await shell.shop.bought("gems-500")
    told = await shell.ask("refund", pack["id"], "-r", "x", "--amount", *amount)
    assert (told.returncode, says in told.stderr) == (1, True), told.stderr


async def test_an_amount_may_be_quoted_and_swallows_no_option(shell: Shell) -> None:
    pack = await shell.shop.bought("gems-500")
    for words in (["--amount", "2.50 USD"], ["--amount=2.50 USD"], ["--amount", "2.50", "USD"]):
        shown = await shell.told("refund", pack["id"], "-r", "x", *words, "--dry-run")
        assert (shown["dry_run"], shown["amount"]["amount"]) == (True, 250)
    refused = await shell.ask("refund", pack["id"], "-r", "x", "--amount", "2.50", "--dry-run")
    assert (refused.returncode, "a currency is missing" in refused.stderr) == (2, True)
    assert shell.shop.query("SELECT id FROM reversals") == []


async def test_a_reply_that_was_lost_names_the_key_to_repeat_it_under(shell: Shell) -> None:
    pack = await shell.shop.bought("gems-500")
    await shell.shop.sandbox.misbehave("lose_reply", "POST /v1/refunds", times=20)
    told = await shell.ask("refund", pack["id"], "-r", "a mistake", "--key", "k1")
    assert told.returncode == 1
    assert "Repeat it with --key k1" in told.stderr
    await shell.shop.sandbox.order("misbehave", clear=True)
    again = await shell.told("refund", pack["id"], "-r", "a mistake", "--key", "k1")
    assert again["state"] == "completed"
    assert [one["amount"] for one in (await shell.shop.sandbox.books())["refunds"]] == [499]


async def test_what_is_quarantined_is_listed_with_its_note_and_replayed(shell: Shell) -> None:
    shop = shell.shop
    stray = {"id": "evt_stray", "object": "event", "type": "checkout.session.completed", "livemode": True,
             "data": {"object": {"object": "checkout.session", "id": "cs_stray"}}}  # fmt: skip
    assert (await shop.sandbox.post_webhook(stray)).status == 200
    await shop.quiet()
    page = await shell.told("inbox", "list", "--state", "quarantined")
    said = await shell.ask("inbox", "list")
    alarms = await shell.told("alarms", "list", "--kind", "webhook_quarantined")
    alarmed = await shell.ask("alarms", "list")
    replayed = await shell.told("inbox", "replay", "sandbox", "evt_stray")
    shown = await shell.told("inbox", "show", "sandbox", "evt_stray")
    missing = await shell.ask("inbox", "show", "sandbox", "evt_none")

    assert [(one["event"], one["note"]) for one in page["data"]] == [("evt_stray", "the event is of the other mode")]
    assert "of the other mode" in said.stdout
    assert [one["about"] for one in alarms["data"]] == ["evt_stray"]
    assert "note: the event is of the other mode" in alarmed.stdout
    assert alarms["data"][0]["raised_at"][:10] in alarmed.stdout
    assert replayed["state"] == "quarantined"
    assert shown["body"] == stray
    assert shell.audited() == ["inbox.replayed"]
    assert missing.returncode == 1


async def test_a_replay_brings_a_purchase_to_where_its_payment_is(shell: Shell) -> None:
    shop = shell.shop
    await shop.sandbox.webhooks("hold")
    purchase = await shop.buy("gems-500")
    await shop.pay(purchase)
    await shop.sandbox.misbehave("status", "GET /v1/checkout/sessions/*", times=1000, status=503)
    await shop.sandbox.release()
    event = shop.query("SELECT event_id FROM inbox WHERE type = 'checkout.session.completed'")[0]["event_id"]
    away = await shell.ask("inbox", "replay", "sandbox", event)
    await shop.sandbox.order("misbehave", clear=True)
    replayed = await shell.told("inbox", "replay", "sandbox", event)

    assert away.returncode == 1
    assert replayed["state"] == "processed"
    assert (await shop.seen(purchase))["status"] == "completed"


async def test_a_dead_job_is_listed_and_tries_again(shell: Shell) -> None:
    shop = shell.shop
    assert "No job is dead" in (await shell.ask("jobs", "list")).stdout
    ghost = {"purchase_id": "pur_01m7y0000000000000000000000"}
    await schedule(shop, "purchase.sweep", ghost)
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM jobs WHERE state = 'dead'"))
    (dead,) = (await shell.told("jobs", "list"))["data"]
    retried = await shell.told("jobs", "retry", dead["id"])
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM jobs WHERE state = 'dead'"))
    waiting = (await shell.told("jobs", "list", "--state", "waiting"))["data"]
    untouched = await shell.ask("jobs", "retry", waiting[0]["id"])

    assert (dead["kind"], dead["payload"], dead["attempts"]) == ("purchase.sweep", ghost, 1)
    assert "There is no such purchase" in dead["last_error"]
    assert retried["id"] == dead["id"]
    assert shell.audited() == ["job.retried"]
    assert (untouched.returncode, "run by itself" in untouched.stderr) == (1, True)


async def schedule(shop: Shop, kind: str, payload: dict[str, Any]) -> None:
    """Make a job due now, as a use case of the shop would."""
    from storefront.core.commit.plan import Plan

    services = shop.parts.services
    plan = Plan(actor="test", anchors={"test"})
    now = services.clock.now()
    plan.schedule(kind, anchor="test", unique_key="ghost", due_at=now, now=now, payload=payload)
    await services.engine.commit(plan)


async def test_a_dry_run_says_what_a_dispute_would_take_and_changes_nothing(shell: Shell) -> None:
    shop = shell.shop
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")
    await shop.bought("potion", quantity=4)
    await drink(shop, 1)
    await shop.quiet()
    before = shop.rows()
    possible = await shell.told("disputes", "show", pack["id"], "--dry-run")
    assert shop.rows() == before

    await shop.sandbox.dispute(pack)
    await shop.quiet()
    (dispute,) = (await shell.told("disputes", "list"))["data"]
    before = shop.rows()
    shown = await shell.told("disputes", "show", dispute["id"], "--dry-run")
    said = await shell.ask("disputes", "show", dispute["id"], "--dry-run")
    nobody = await shell.ask("disputes", "show", sword["id"], "--dry-run")
    assert shop.rows() == before
    await shop.sandbox.dispute(pack, "lost")
    await shop.quiet()
    decided = await shell.ask("disputes", "show", dispute["id"], "--dry-run")

    assert possible["lots"] == shown["lots"]
    assert [(one["customer"]["id"], one["amount"]) for one in shown["lots"]] == [("ada", 320)]
    assert [one["purchase"] for one in shown["undone"]] == [sword["id"]]
    assert shown["owed"] == [{"customer": {"id": "ada"}, "asset": "gems", "amount": 60}]
    for line in (
        f"{pack['id']} if 4.99 USD were lost to its payer's bank now:",
        f"320 would be taken from ada (purchased, {shown['lots'][0]['lot']})",
        f"{sword['id']} would be undone for it: 1 × sword for 120 gems",
        "ada would owe 60 gems",
    ):
        assert line in " ".join(said.stdout.split()), said.stdout
    for told, why in ((nobody, "Nothing of this payment is left"), (decided, "lost")):
        assert told.returncode == 1
        assert why in told.stderr
    assert shop.balance("customer:ada:gems") == 0


async def test_evidence_is_staged_then_submitted_and_a_dispute_given_up(shell: Shell, tmp_path: Path) -> None:
    shop = shell.shop
    first, second, third = [await shop.bought("gems-500") for _ in range(3)]
    for pack in (first, second, third):
        await shop.sandbox.dispute(pack)
    await shop.quiet()
    listed = (await shell.told("disputes", "list", "--state", "open"))["data"]
    theirs = {one["purchase"]: one["id"] for one in listed}
    log = tmp_path / "log.txt"
    log.write_text("played for 3 hours")
    staged = await shell.ask("disputes", "answer", theirs[first["id"]], "-t", "product_description=500 gems")
    wrong = await shell.ask("disputes", "answer", theirs[first["id"]], "-t", "no_such_field=x")
    sent = await shell.ask("disputes", "answer", theirs[first["id"]], "--text-file", f"access_activity_log={log}",
                           "--submit")  # fmt: skip
    shown = await shell.told("disputes", "show", theirs[first["id"]])
    said = await shell.ask("disputes", "show", theirs[first["id"]])
    won = await shell.ask("disputes", "answer", theirs[third["id"]], "-t", "uncategorized_text=winning_evidence",
                          "--submit")  # fmt: skip
    accepted = await shell.told("disputes", "accept", theirs[second["id"]], "--yes")
    late = await shell.ask("disputes", "accept", theirs[second["id"]], "--yes")

    assert all(one["evidence_due_by"] is not None for one in listed)
    assert "It is staged" in staged.stdout, staged.stderr
    assert "with the bank now" in sent.stdout, sent.stderr
    assert shown["evidence"] == {"product_description": "500 gems", "access_activity_log": "played for 3 hours"}
    assert shown["frozen"]["wallets"] == {"gems": 500}
    assert "500 gems" in said.stdout.partition("frozen")[2]
    assert "access_activity_log: played for 3 hours" in said.stdout
    assert "the bank has decided: won" in won.stdout, won.stderr
    assert "with the bank now" not in won.stdout
    assert (wrong.returncode, "no_such_field" in wrong.stderr) == (1, True)
    assert accepted["state"] == "lost"
    assert (await shop.seen(second))["dispute"] == "lost"
    assert (late.returncode, "nothing can be said" in late.stderr) == (1, True)
    assert shell.audited() == ["dispute.evidence_staged", "dispute.evidence_staged", "dispute.evidence_submitted",
                               "dispute.evidence_submitted", "dispute.accepted"]  # fmt: skip
    facts = shop.query("SELECT facts FROM audit_actions WHERE action = 'dispute.evidence_submitted'")[0]["facts"]
    assert "played" not in facts


@pytest.mark.parametrize("width", ["20", "80"])
@pytest.mark.parametrize("colours", [{}, {"FORCE_COLOR": "1"}], ids=["pipe", "terminal"])
async def test_no_table_cuts_ids_amounts_states_and_times(
    shell: Shell, tmp_path: Path, width: str, colours: dict[str, str]
) -> None:
    pack = await shell.shop.bought("gems-500")
    await shell.shop.sandbox.dispute(pack)
    await shell.shop.quiet()
    (dispute,) = (await shell.told("disputes", "list"))["data"]
    (event, *_) = (await shell.told("inbox", "list"))["data"]
    entries = (await shell.told("purchases", "show", pack["id"]))["entries"]
    for arguments, cells in [
        (["disputes", "list"], [dispute["id"], pack["id"], "4.99 USD", dispute["evidence_due_by"][:10]]),
        (["inbox", "list"], [event["event"], event["type"], event["state"]]),
        (["purchases", "show", pack["id"]], [pack["id"], "500 gems", *(one["kind"] for one in entries)]),
    ]:
        told = await asyncio.to_thread(
            storefront, *arguments, "--config", tmp_path / "shop.yaml", DATA=str(tmp_path / "data"), COLUMNS=width,
            **colours,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert [cell for cell in cells if cell not in told.stdout] == []
        assert "…" not in told.stdout


async def test_a_lost_dispute_names_the_purchases_that_were_undone_for_it(shell: Shell) -> None:
    shop = shell.shop
    pack = await shop.bought("gems-500")
    sword = await shop.bought("sword")
    await shop.sandbox.dispute(pack)
    await shop.sandbox.dispute(pack, "lost")
    await shop.quiet()
    (dispute,) = (await shell.told("disputes", "list"))["data"]
    shown = await shell.told("disputes", "show", dispute["id"])
    said = await shell.ask("disputes", "show", dispute["id"])
    assert (shown["frozen"], shown["evidence"]) == (None, None)
    assert [(one["purchase"], one["sku"], one["amount"]["amount"]) for one in shown["undone"]] == [
        (sword["id"], "sword", 120)
    ]
    assert f"{sword['id']} was undone for it: 1 × sword for 120 gems" in said.stdout


async def test_a_refunded_payment_is_called_refunded(shell: Shell) -> None:
    pack = await shell.shop.bought("gems-500")
    await shell.told("refund", pack["id"], "-r", "a mistake")
    shown = await shell.told("purchases", "show", pack["id"])
    assert shown["payment"]["state"] == shown["purchase"]["payment"]["state"] == "refunded"


async def test_reconcile_is_green_to_the_cent_and_red_with_a_proposal(shell: Shell) -> None:
    shop = shell.shop
    await shop.bought("gems-500")
    await shop.quiet()
    clean = await shell.ask("reconcile")
    await shop.sandbox.charge_of_others(2500)
    await shop.quiet()
    red = await shell.ask("reconcile", "--gateway", "sandbox", "--since", "30d")
    facts = await shell.ask("reconcile", "--json")
    unknown = await shell.ask("reconcile", "--gateway", "paypal")

    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "100 % explained" in clean.stdout
    assert "4.55 USD" in clean.stdout  # 4.99 less 2.9 % and 30
    assert (red.returncode, facts.returncode, unknown.returncode) == (1, 1, 1)
    assert "missing_here" in red.stdout
    assert "25.00 USD" in red.stdout
    assert "look up" in red.stdout
    (report,) = json.loads(facts.stdout)
    assert [one["amount"] for one in report["differences"]] == [2500]
    assert "must be one of sandbox" in unknown.stderr


def test_it_works_on_a_shop_that_nobody_serves(config: Path, tmp_path: Path) -> None:
    storefront("migrate", "--config", config, DATA=str(tmp_path / "data"))
    for arguments in (["inbox", "list"], ["jobs", "list"], ["alarms", "list"], ["disputes", "list"]):
        told = storefront(*arguments, "--config", config, DATA=str(tmp_path / "data"))
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(("No", "There is no"))


async def test_reviews_are_listed_shown_approved_and_rejected(tmp_path: Path, strangers: Any) -> None:  # noqa: F811
    strangers.write("judge", JUDGE)
    async with running_shop(tmp_path, strangers.shop("judge: {}")) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            shell = Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")
            await shop.bought("gems-500")
            host.hooks.manager.get_plugin("judge").says["purchase"] = "REVIEW"
            first, second = (await shop.buy("potion")).json["id"], (await shop.buy("sword")).json["id"]

            listed = await shell.told("reviews", "list", "--state", "open", "--customer", "ada")
            printed = await shell.ask("reviews", "list")
            shown = await shell.told("reviews", "show", first)
            approved = await shell.told("reviews", "approve", first, "--reason", "a friend")
            rejected = await shell.ask("reviews", "reject", second, "--reason", "a stranger")
            late = await shell.ask("reviews", "reject", first, "--reason", "no friend")

            assert [one["purchase"] for one in listed["data"]] == [second, first]
            assert "120 gems" in printed.stdout
            assert "the purchase looks odd" in printed.stdout
            assert (shown["state"], shown["money"], shown["card"]) == ("open", "hold", {})
            assert (approved["status"], approved["decided_by"], approved["reason"]) == (
                "completed",
                "operator:shell",
                "a friend",
            )
            assert rejected.stdout.startswith(f"{second}  rejected")
            assert (late.returncode, "approved" in late.stderr) == (1, True)
            assert shell.audited() == ["review.decided", "review.decided"]
