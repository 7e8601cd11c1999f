"""Webhooks both ways: what other servers were told, and what gateways told us; what failed is sent again."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.console.forms import text
from storefront.console.pages.told_by_gateways import PATH, SHOWN, acts, dead_jobs, inbox
from storefront.console.pages.webhook_delivery import DELIVERIES, delivery_row, delivery_view
from storefront.console.words import link, spoken
from storefront.core.clock import HOUR_MS
from storefront.core.operating.gauges import count_dead_jobs
from storefront.core.operating.webhook_health import HOURS, Health, read_health
from storefront.core.outgoing_webhooks.deliveries import WebhookDeliveries
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.services import Services
from storefront.design.charts import Hour, Hours, hour_bars
from storefront.panels import (
    Acts,
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Field,
    Form,
    Line,
    Lines,
    PageView,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)
from storefront.panels.wording import instant_words

AT_ONCE = 100
_STATES = {"enabled": Tone.GOOD, "paused": Tone.PLAY, "disabled": Tone.BAD}
_ADD = {"url": text(2000), "description": text(200)}


class Webhooks:
    """The pages of webhooks."""

    def __init__(self, endpoints: WebhookEndpoints, deliveries: WebhookDeliveries) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries

    async def show_all(self, asking: Asking) -> PageView:
        """Show all endpoints with their last 48 hours, what gateways told that could not be taken, and dead jobs."""
        services, health = asking.services, await read_health(asking.services)
        rows = [self._row(asking, one, health.get(one["id"])) for one in await self._endpoints.all()]
        columns = (
            Column("Endpoint"),
            Column("Last 48 hours"),
            Column("Delivered", is_number=True),
            Column("Median", is_number=True),
            Column("State"),
        )
        sections: list[Section] = [
            Table(
                "Sent to other servers", columns, rows, empty="No endpoint yet. Other servers hear of purchases here."
            )
        ]
        if asking.may("webhooks:write"):
            fields = (
                Field("url", "Address", hint="https://…"),
                Field("description", "What it is for", is_required=False),
            )
            sections.append(
                Form(
                    f"{PATH}/add",
                    "Add endpoint",
                    fields,
                    title="Add endpoint…",
                    is_folded=True,
                    explains="It gets every event from now on. Its secret is shown once.",
                )
            )
        sections.append(await inbox(asking))
        sections.append(await dead_jobs(asking, services))
        return PageView("Webhooks", sections, is_live=True)

    async def show_one(self, asking: Asking) -> PageView:
        """Show one endpoint with its deliveries."""
        endpoint_id, query = asking.path["id"], asking.query
        one = await self._endpoints.show(endpoint_id)
        data, following = await self._deliveries.page(
            endpoint_id, state=query.get("state"), limit=SHOWN, after=query.get("after")
        )
        here, may_write = f"{PATH}/{endpoint_id}", asking.may("webhooks:write")
        tried = await self._deliveries.last_attempts(endpoint_id, [one["event"] for one in data])
        rows = [delivery_row(told, tried.get(told["event"]), here, may_write=may_write) for told in data]
        older = None if following is None else link(here, query, after=following)
        newer = link(here, query, after=None) if query.get("after") else None
        table = Table("Deliveries", DELIVERIES, rows, empty="Nothing was sent yet.", older=older, newer=newer)
        facts = [
            Line("Address", one["url"]),
            Line("State", spoken(one["state"])),
            *([Line("Because", one["reason"])] if one["reason"] else []),
            *(Line(spoken(name), str(count)) for name, count in one["deliveries"].items()),
        ]
        beside: list[Section] = [Lines("Endpoint", facts, hint=one["description"])]
        if may_write:
            beside.append(_verbs(one, here))
        title = one["description"] or one["url"]
        return PageView(title, [table], detail=beside, hint="Webhook endpoint", is_live=True)

    async def show_delivery(self, asking: Asking) -> PageView:
        """Show one delivery with all its attempts."""
        endpoint_id = asking.path["id"]
        one = await self._endpoints.show(endpoint_id)
        told = await self._deliveries.show(endpoint_id, asking.path["event"])
        return delivery_view(told, one["description"] or one["url"], f"{PATH}/{endpoint_id}")

    async def send_add(self, asking: Asking) -> PageView:
        """Make an endpoint, and show its secret this once."""
        made = await self._endpoints.create(
            asking.form["url"],
            description=asking.form.get("description", ""),
            event_types=(),
            actor=asking.actor,
            form=asking.key,
        )
        lines = [
            Line("Address", made["url"]),
            Line("Secret", made["secret"]),
            Line("Its page", made["id"], url=f"{PATH}/{made['id']}"),
        ]
        return PageView("Endpoint added", [Lines("Copy the secret now", lines, hint="It is not shown again.")])

    async def send_again(self, asking: Asking) -> Done:
        await self._deliveries.replay(asking.path["id"], asking.form["event"], actor=asking.actor)
        return Done(f"{PATH}/{asking.path['id']}", "again")

    async def send_all_again(self, asking: Asking) -> Done:
        """Send all that was given up again, newest first, at most so many at once."""
        endpoint_id = asking.path["id"]
        dead, _ = await self._deliveries.page(endpoint_id, state="dead", limit=AT_ONCE, after=None)
        for one in dead:
            await self._deliveries.replay(endpoint_id, one["event"], actor=asking.actor)
        return Done(f"{PATH}/{endpoint_id}", "again")

    async def send_test(self, asking: Asking) -> Done:
        await self._endpoints.test(asking.path["id"], actor=asking.actor)
        return Done(f"{PATH}/{asking.path['id']}", "tested")

    async def send_pause(self, asking: Asking) -> Done:
        await self._endpoints.pause(asking.path["id"], actor=asking.actor)
        return Done(f"{PATH}/{asking.path['id']}", "paused")

    async def send_resume(self, asking: Asking) -> Done:
        await self._endpoints.resume(asking.path["id"], actor=asking.actor)
        return Done(f"{PATH}/{asking.path['id']}", "resumed")

    async def send_remove(self, asking: Asking) -> Done:
        await self._endpoints.delete(asking.path["id"], actor=asking.actor)
        return Done(PATH, "removed")

    async def remove_words(self, asking: Asking) -> str:
        return f"Remove {(await self._endpoints.show(asking.path['id']))['url']}"

    async def failing(self, services: Services) -> tuple[int, Tone]:
        """Count endpoints with deliveries that were given up or that are disabled, and jobs that are dead."""
        return len(await self._endpoints.failing()) + await count_dead_jobs(services), Tone.BAD

    def _row(self, asking: Asking, one: Mapping[str, Any], health: Health | None) -> Row:
        hours = health.hours if health is not None else ((0, 0),) * HOURS
        rate, wait = "–", "–"
        tone = None
        if health is not None and health.arrived + health.failed:
            percent = 100 * health.arrived / (health.arrived + health.failed)
            rate, tone = f"{percent:.1f}%", Tone.BAD if health.failed * 20 > health.arrived else None
            wait = "–" if health.median_ms is None else f"{health.median_ms} ms"
        return Row(
            (
                Cell(one["description"] or one["url"], hint=one["url"] if one["description"] else "", is_name=True),
                Cell("", drawing=hour_bars(_drawn(asking, one, hours))),
                Cell(rate, tone=tone),
                Cell(wait),
                Cell(spoken(one["state"]), tone=_STATES.get(one["state"], Tone.PLAIN), hint=one["reason"] or ""),
            ),
            url=f"{PATH}/{one['id']}",
        )


def _verbs(one: Mapping[str, Any], here: str) -> Acts:
    dead = one["deliveries"]["dead"]
    return Acts(
        [
            *([Form(f"{here}/again-all", _again_words(dead))] if dead else []),
            Form(f"{here}/test", "Send a test"),
            Form(f"{here}/pause", "Pause") if one["state"] == "enabled" else Form(f"{here}/resume", "Go on"),
            Form(f"{here}/remove", "Remove", tone=Tone.BAD),
        ]
    )


def _again_words(dead: int) -> str:
    return f"Send {dead} again" if dead <= AT_ONCE else f"Send {AT_ONCE} of {dead:,} again"


def _drawn(asking: Asking, one: Mapping[str, Any], hours: Sequence[tuple[int, int]]) -> Hours:
    """Return an endpoint's hours as the chart takes them; the last one is now."""
    last = asking.services.clock.now() // HOUR_MS
    begins = [instant_words((last - HOURS + 1 + place) * HOUR_MS) for place in range(HOURS)]
    drawn = tuple(Hour(begin, arrived, failed) for begin, (arrived, failed) in zip(begins, hours, strict=True))
    return Hours(one["description"] or one["url"], drawn, asking.language)


def pages(endpoints: WebhookEndpoints, deliveries: WebhookDeliveries) -> list[ConsolePage]:
    """Return the pages of webhooks."""
    desk, writes = Webhooks(endpoints, deliveries), "webhooks:write"
    says = {"removed": "Removed."}
    of_all = [
        ConsoleAct("add", writes, desk.send_add, _ADD, needed=["url"], asks_proof=True),
        *acts(),
    ]
    query = {"inbox": text(20), "after": text(300)}
    return [
        ConsolePage(
            PATH,
            "Webhooks",
            "webhooks:read",
            desk.show_all,
            group="watch",
            icon="webhook",
            acts=of_all,
            counts=desk.failing,
            query=query,
            says=says,
        ),
        ConsolePage(
            f"{PATH}/{{id}}",
            "Endpoint",
            "webhooks:read",
            desk.show_one,
            acts=_of_one(desk),
            query={"state": text(20), "after": text(60)},
        ),
        ConsolePage(f"{PATH}/{{id}}/deliveries/{{event}}", "Delivery", "webhooks:read", desk.show_delivery),
    ]


def _of_one(desk: Webhooks) -> list[ConsoleAct]:
    """Return what can be done about one endpoint."""
    writes, again = "webhooks:write", {"again": "It is sent again."}
    return [
        ConsoleAct("again", writes, desk.send_again, {"event": text(60)}, needed=["event"], says=again),
        ConsoleAct("again-all", writes, desk.send_all_again),
        ConsoleAct("test", writes, desk.send_test, says={"tested": "A test is on its way."}),
        ConsoleAct("pause", writes, desk.send_pause, says={"paused": "Paused. Events wait."}),
        ConsoleAct("resume", writes, desk.send_resume, says={"resumed": "It goes on."}),
        ConsoleAct(
            "remove",
            writes,
            desk.send_remove,
            asks_proof=True,
            sure=Sure("Nothing is sent there any more, and what waits is not sent."),
            words=desk.remove_words,
        ),
    ]
