"""What an operator sees and does over HTTP, who else may not, and the figures of it in the metrics."""

import re

import msgspec
import pytest

from storefront.core.api_keys import KeyKind
from storefront.core.commit.plan import Plan
from storefront.testing import OPERATOR_KEY, SERVER_KEY

STRAY = {"id": "evt_stray", "object": "event", "type": "checkout.session.completed", "livemode": True,
         "data": {"object": {"object": "checkout.session", "id": "cs_stray"}}}  # fmt: skip
NOBODY = "rev_01m7y0000000000000000000000"
NO_PURCHASE = "pur_01m7y0000000000000000000000"
ROUTES = [
    ("GET", "/v1/inbox", None),
    ("GET", "/v1/inbox/sandbox/evt_stray", None),
    ("POST", "/v1/inbox/sandbox/evt_stray/replay", None),
    ("GET", "/v1/disputes", None),
    ("GET", f"/v1/disputes/{NOBODY}", None),
    ("POST", f"/v1/disputes/{NOBODY}/evidence", {"texts": {"product_description": "gems"}}),
    ("POST", f"/v1/disputes/{NOBODY}/accept", None),
    ("GET", "/v1/reviews", None),
    ("GET", f"/v1/reviews/{NO_PURCHASE}", None),
    ("POST", f"/v1/reviews/{NO_PURCHASE}/approve", {"reason": "good"}),
    ("POST", f"/v1/reviews/{NO_PURCHASE}/reject", {"reason": "bad"}),
    ("GET", "/v1/reconciliations", None),
    ("POST", "/v1/reconciliations", {"gateway": "sandbox"}),
    ("GET", "/v1/alarms", None),
    ("GET", "/v1/jobs?state=dead", None),
    ("POST", "/v1/jobs/job:none/retry", None),
]


async def figures(shop):
    """Return ``{"name{labels}": value}`` of the business's metrics, read anew."""
    shop.wall.move(6)
    text = (await shop.as_nobody().send("GET", "/metrics")).body.decode()
    watched = "reconciliation|inbox|purchases|refunds|disputes|jobs_dead"
    found = re.findall(rf"^(storefront_(?:{watched})\S*) (\S+)$", text, re.M)
    return {name: float(value) for name, value in found}


async def dead_job(shop):
    services = shop.parts.services
    plan, now = Plan(actor="test", anchors={"test"}), services.clock.now()
    plan.schedule("purchase.sweep", anchor="test", unique_key="ghost", due_at=now, now=now,
                  payload={"purchase_id": "pur_01m7y0000000000000000000000"})  # fmt: skip
    await services.engine.commit(plan)
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM jobs WHERE state = 'dead'"))


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
async def test_nobody_but_an_operator_may(shop, method, path, body):
    await shop.quiet()
    before = shop.rows()
    for caller, status in [(shop.as_nobody(), 401), (shop.as_customer(), 403), (shop.bearing(SERVER_KEY), 403)]:
        answer = await (caller.get(path) if method == "GET" else caller.post(path, body))
        assert answer.status == status, (path, answer.json)
    operator = shop.bearing(OPERATOR_KEY)
    answer = await (operator.get(path) if method == "GET" else operator.post(path, body))
    assert answer.status in (200, 404), answer.json
    changed = {name for name, count in shop.rows().items() if count != before[name]} - {"anchors"}
    assert changed <= {"customers", "events", "claims", "audit_actions", "gateway_books"}


async def test_a_key_without_the_scope_is_refused(shop):
    made = await shop.parts.keys.create(
        KeyKind.OPERATOR, name="reader", scopes=["payments:read"], expires_at=None, actor="test"
    )
    reader = shop.bearing(made.plaintext)
    assert (await reader.get("/v1/inbox")).status == 200
    for path, body in [("/v1/reconciliations", {"gateway": "sandbox"}), ("/v1/inbox/sandbox/evt_stray/replay", None)]:
        refused = await reader.post(path, body)
        assert (refused.status, refused.json["code"]) == (403, "missing_scope")
    assert (await reader.get("/v1/jobs")).status == 403


async def test_the_inbox_is_listed_page_by_page_shown_and_replayed(shop):
    operator = shop.bearing(OPERATOR_KEY)
    for number in range(3):
        assert (await shop.sandbox.post_webhook({**STRAY, "id": f"evt_{number}"})).status == 200
        shop.wall.move(1)
    await shop.quiet()

    first = (await operator.get("/v1/inbox?state=quarantined&limit=2")).json
    rest = (await operator.get(f"/v1/inbox?state=quarantined&limit=2&after={first['next']}")).json
    shown = (await operator.get("/v1/inbox/sandbox/evt_0")).json
    replayed = (await operator.post("/v1/inbox/sandbox/evt_0/replay")).json

    assert [one["event"] for one in first["data"] + rest["data"]] == ["evt_2", "evt_1", "evt_0"]
    assert rest["next"] is None
    assert shown["body"] == {**STRAY, "id": "evt_0"}
    assert (replayed["state"], replayed["note"]) == ("quarantined", "the event is of the other mode")
    assert shop.query("SELECT actor, about FROM audit_actions WHERE action = 'inbox.replayed'") == [
        {"actor": "key:key_demo_ak", "about": "evt_0"}
    ]
    assert (await operator.get("/v1/inbox?after=nonsense")).status == 422


async def test_a_replay_of_what_is_done_does_nothing_twice(shop):
    pack = await shop.bought("gems-500")
    await shop.quiet()
    for row in shop.query("SELECT event_id FROM inbox ORDER BY event_id"):
        answer = await shop.bearing(OPERATOR_KEY).post(f"/v1/inbox/sandbox/{row['event_id']}/replay")
        assert (answer.status, answer.json["state"]) in [(200, "processed"), (200, "ignored")]
    assert (await shop.seen(pack))["status"] == "completed"
    assert shop.balance("customer:ada:gems") == 500
    assert shop.balance("platform:revenue:USD") == 499


async def test_an_event_whose_text_is_forgotten_is_not_replayed(shop):
    await shop.bought("gems-500")
    await shop.quiet()
    shop.wall.move(100 * 24 * 3600)
    await shop.until(
        lambda: all(bytes(row["raw"]).startswith(b"sha256:") for row in shop.query("SELECT raw FROM inbox"))
    )
    event = shop.query("SELECT event_id FROM inbox")[0]["event_id"]
    shown = await shop.bearing(OPERATOR_KEY).get(f"/v1/inbox/sandbox/{event}")
    answer = await shop.bearing(OPERATOR_KEY).post(f"/v1/inbox/sandbox/{event}/replay")
    assert shown.json["body"] is None
    assert (answer.status, answer.json["code"]) == (409, "event_forgotten")


async def test_a_dispute_is_answered_and_given_up(shop):
    operator = shop.bearing(OPERATOR_KEY)
    pack = await shop.bought("gems-500")
    await shop.sandbox.dispute(pack)
    await shop.quiet()
    (listed,) = (await operator.get("/v1/disputes?state=open")).json["data"]
    path = f"/v1/disputes/{listed['id']}"

    staged = await operator.post(f"{path}/evidence", {"texts": {"product_description": "500 gems"}})
    wrong = await operator.post(f"{path}/evidence", {"texts": {"no_such_field": "x"}})
    lost = await operator.post(f"{path}/accept")
    late = await operator.post(f"{path}/evidence", {"texts": {"product_description": "500 gems"}, "submit": True})

    assert (listed["purchase"], listed["amount"]) == (pack["id"], {"amount": 499, "currency": "USD"})
    assert listed["evidence_due_by"] is not None
    assert (staged.status, staged.json["state"]) == (200, "open")
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/texts")
    assert (lost.json["state"], lost.json["taken_back"]["credits"][0]["taken"]) == ("lost", 500)
    assert (late.status, late.json["code"], late.json["state"]) == (409, "dispute_decided", "lost")
    assert (await shop.seen(pack))["dispute"] == "lost"
    assert (await operator.get(path)).json == lost.json


async def test_nothing_that_is_typed_into_an_answer_to_a_dispute_stays_in_the_books(shop):
    operator = shop.bearing(OPERATOR_KEY)
    await shop.sandbox.dispute(await shop.bought("gems-500"))
    await shop.quiet()
    (listed,) = (await operator.get("/v1/disputes")).json["data"]
    secret, said = "sk_live_01secret0typed0by0mistake", "Ada Lovelace, ada@customers.example"

    await operator.post(f"/v1/disputes/{listed['id']}/evidence", {"texts": {secret: said, "customer_name": said}})

    (row,) = shop.query("SELECT facts FROM audit_actions WHERE action = 'dispute.evidence_staged'")
    assert msgspec.json.decode(row["facts"])["fields"] == ["customer_name", "[redacted]"]
    kept = str([shop.query(f"SELECT * FROM {table}") for table in shop.rows()])
    assert [one for one in (secret, "Lovelace", "ada@customers") if one in kept] == []


async def test_a_reconciliation_is_made_and_its_report_kept(shop):
    operator = shop.bearing(OPERATOR_KEY)
    await shop.bought("gems-500")
    await shop.sandbox.charge_of_others(2500)
    await shop.quiet()
    fresh = (await operator.get("/v1/reconciliations")).json["data"]

    made = await operator.post("/v1/reconciliations", {"gateway": "sandbox"})
    kept = (await operator.get("/v1/reconciliations")).json["data"]
    unknown = await operator.post("/v1/reconciliations", {"gateway": "wallet"})
    odd = await operator.post("/v1/reconciliations", {"gateway": "sandbox", "since": "yesterday"})

    assert [(one["gateway"], one["report"]) for one in fresh] == [("sandbox", None)]
    assert [one["kind"] for one in made.json["differences"]] == ["missing_here"]
    assert (made.json["explained_percent"], kept[0]["report"]) == (50.0, made.json)
    assert (unknown.status, unknown.json["errors"][0]["pointer"]) == (422, "/gateway")
    assert odd.status == 422
    assert [row["kind"] for row in (await operator.get("/v1/alarms")).json["data"]] == ["reconciliation_missing_here"]


async def test_a_dead_job_tries_again(shop):
    operator = shop.bearing(OPERATOR_KEY)
    await dead_job(shop)
    (dead,) = (await operator.get("/v1/jobs?state=dead")).json["data"]
    answer = await operator.post(f"/v1/jobs/{dead['id']}/retry")
    assert (answer.status, answer.json["kind"]) == (200, "purchase.sweep")
    assert shop.query("SELECT about FROM audit_actions WHERE action = 'job.retried'") == [{"about": dead["id"]}]
    listed = (await operator.get("/v1/jobs?state=waiting")).json["data"]
    waiting = next(one for one in listed if one["kind"] == "retention")
    refused = await operator.post(f"/v1/jobs/{waiting['id']}/retry")
    assert (refused.status, refused.json["code"]) == (409, "job_not_dead")
    assert (await operator.post("/v1/jobs/job:none/retry")).status == 404


async def test_the_metrics_tell_what_waits_and_nothing_of_anybody(shop):
    before = await figures(shop)
    assert before == {
        'storefront_inbox_events{gateway="sandbox",state="received"}': 0.0,
        'storefront_inbox_events{gateway="sandbox",state="quarantined"}': 0.0,
        "storefront_purchases_pending": 0.0,
        "storefront_purchases_oldest_pending_seconds": 0.0,
        "storefront_refunds_pending": 0.0,
        "storefront_disputes_open": 0.0,
        "storefront_jobs_dead": 0.0,
    }
    pack = await shop.bought("gems-500")
    await shop.sandbox.dispute(pack)
    await shop.sandbox.post_webhook(STRAY)
    await shop.sandbox.charge_of_others(2500)
    await dead_job(shop)
    await shop.buy("gems-500")
    await shop.quiet()
    await shop.bearing(OPERATOR_KEY).post("/v1/reconciliations", {"gateway": "sandbox"})
    shop.wall.move(30)
    found = await figures(shop)

    assert found['storefront_inbox_events{gateway="sandbox",state="quarantined"}'] == 1
    assert found["storefront_purchases_pending"] == 1
    assert found["storefront_purchases_oldest_pending_seconds"] >= 36
    assert (found["storefront_disputes_open"], found["storefront_jobs_dead"]) == (1, 1)
    # A payment and its dispute are ours, the charge of others is not.
    assert found['storefront_reconciliation_explained_percent{gateway="sandbox"}'] == 66.66
    assert found['storefront_reconciliation_oldest_unexplained_seconds{gateway="sandbox"}'] >= 36


async def test_what_another_process_reconciled_is_in_the_metrics_too(shop):
    await shop.bought("gems-500")
    await shop.sandbox.charge_of_others(2500)
    await shop.quiet()
    await shop.bearing(OPERATOR_KEY).post("/v1/reconciliations", {"gateway": "sandbox"})
    await shop.restart()
    assert not shop.parts.services.reconciliations
    found = await figures(shop)
    assert found['storefront_reconciliation_explained_percent{gateway="sandbox"}'] == 50.0


async def test_every_such_route_is_documented_with_its_scope(shop):
    document = msgspec.json.decode((await shop.as_nobody().send("GET", "/openapi.json")).body)
    for method, path, _ in ROUTES:
        template = path.split("?")[0].replace(NOBODY, "{id}").replace("sandbox/evt_stray", "{gateway}/{event}")
        template = template.replace("job:none", "{id}").replace(NO_PURCHASE, "{purchase}")
        assert method.lower() in document["paths"][template], template
