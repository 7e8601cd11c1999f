"""What needs somebody now: said on the first page, the worst first, with where to look."""

from collections.abc import Mapping
from typing import Any

from storefront.console.words import counted
from storefront.core.operating.disputes import next_evidence_due
from storefront.core.operating.gauges import read_gauges
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.services import Services
from storefront.panels import Link, Note, Tone

WEBHOOKS = "/console/webhooks"


async def troubles(services: Services, endpoints: WebhookEndpoints) -> list[Note]:
    """Return what needs somebody now, the worst first."""
    notes = list[Note]()
    gauges = await read_gauges(services)
    quarantined = sum(count for (_, state), count in gauges.inbox.items() if state == "quarantined")
    notes.extend(_failing(one) for one in await endpoints.failing())
    for count, strong, (word, is_one, are_many), url in (
        (gauges.jobs_dead, "Work was given up.", ("job", "waits for somebody", "wait for somebody"), WEBHOOKS),
        (
            quarantined,
            "A gateway told what cannot be ours.",
            ("event", "is set aside", "are set aside"),
            f"{WEBHOOKS}?inbox=quarantined",
        ),
    ):
        if count:
            text = f"{counted(count, word)} {is_one if count == 1 else are_many}."
            notes.append(Note(Tone.PLAY, strong, text, Link("Look at it", url)))
    if gauges.disputes_open:
        notes.append(await _disputed(services, gauges.disputes_open))
    if any(percent < 100 for percent in gauges.explained_percent.values()):
        notes.append(Note(Tone.PLAY, "Gateway and books differ.", "", Link("See the lines", "/console/books")))
    return notes


async def _disputed(services: Services, many: int) -> Note:
    """Return how many disputes are open, and when the next one is decided without us."""
    due = await next_evidence_due(services)
    text = f"{counted(many, 'dispute is', 'disputes are')} open."
    look = Link("Look at it", "/console/purchases?trouble=disputed")
    if due is None:
        return Note(Tone.PLAY, "A bank questions a payment.", text, look)
    return Note(Tone.PLAY, "A bank questions a payment.", f"{text} It takes evidence until", look, at=due)


def _failing(endpoint: Mapping[str, Any]) -> Note:
    dead = endpoint["dead"]
    missed = f"{endpoint['description'] or endpoint['url']} has missed {counted(dead, 'delivery', 'deliveries')}."
    words = missed if dead else f"{endpoint['url']} is switched off."
    look = Link("Look at it", f"{WEBHOOKS}/{endpoint['id']}")
    return Note(Tone.PLAY, "One webhook is failing.", words, look)
