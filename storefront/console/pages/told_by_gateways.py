"""What gateways told us and what work was given up, both done again on demand."""

from storefront.console.forms import text
from storefront.console.words import at, link, spoken
from storefront.core.operating.inbox import list_events, replay_event
from storefront.core.operating.jobs import list_jobs, retry_job
from storefront.core.services import Services
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    Done,
    Field,
    Form,
    Row,
    Table,
    Tone,
)

PATH = "/console/webhooks"
SHOWN = 25
_INBOX = {"gateway": text(40), "event": text(200), "account": text(100)}


async def inbox(asking: Asking) -> Table:
    """Return what gateways told, newest first."""
    page = await list_events(
        asking.services, state=asking.query.get("inbox"), limit=SHOWN, after=asking.query.get("after")
    )
    tones = {"processed": Tone.GOOD, "received": Tone.PLAY, "quarantined": Tone.BAD}
    rows = []
    for one in page["data"]:
        fields = [
            Field(name, name, "hidden", value=str(one.get(key) or ""))
            for name, key in (("gateway", "gateway"), ("event", "event"), ("account", "account"))
        ]
        acts = [Form(f"{PATH}/replay", "Replay", fields)] if asking.may("payments:write") else ()
        rows.append(
            Row(
                (
                    Cell.when(at(one["received_at"])),
                    Cell(one["type"], hint=one["event"]),
                    Cell(one["gateway"]),
                    Cell(spoken(one["state"]), tone=tones.get(one["state"], Tone.PLAIN), hint=one["note"] or ""),
                ),
                acts=acts,
            )
        )
    older = None if page["next"] is None else link(PATH, asking.query, after=page["next"])
    columns = (Column("When"), Column("Event"), Column("Gateway"), Column("State"))
    return Table(
        "Told by gateways",
        columns,
        rows,
        empty="Gateways have told nothing yet.",
        older=older,
        newer=link(PATH, asking.query, after=None) if asking.query.get("after") else None,
    )


async def send_replay(asking: Asking) -> Done:
    """Process a gateway's event again."""
    form = asking.form
    await replay_event(asking.services, form["gateway"], form["event"], account=form.get("account"), actor=asking.actor)
    return Done(PATH, "replayed")


async def send_retry(asking: Asking) -> Done:
    await retry_job(asking.services, asking.form["job"], actor=asking.actor)
    return Done(PATH, "retried")


async def dead_jobs(asking: Asking, services: Services) -> Table:
    page = await list_jobs(services, state="dead", limit=SHOWN)
    rows = [
        Row(
            (
                Cell.when(at(one["created_at"])),
                Cell(one["kind"], hint=one["id"]),
                Cell(str(one["attempts"])),
                Cell(one["last_error"] or "–"),
            ),
            acts=[Form(f"{PATH}/retry", "Try again", (Field("job", "job", "hidden", value=one["id"]),))]
            if asking.may("operations:write")
            else (),
        )
        for one in page["data"]
    ]
    columns = (Column("Since"), Column("Job"), Column("Attempts", is_number=True), Column("Last error"))
    return Table("Work that was given up", columns, rows, empty="None. All that is due is done.")


def acts() -> list[ConsoleAct]:
    """Return what can be done about them."""
    replayed, retried = {"replayed": "It is looked at again."}, {"retried": "It tries again."}
    needed = ["gateway", "event"]
    return [
        ConsoleAct("replay", "payments:write", send_replay, _INBOX, needed=needed, says=replayed),
        ConsoleAct("retry", "operations:write", send_retry, {"job": text(40)}, needed=["job"], says=retried),
    ]
