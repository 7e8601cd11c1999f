"""Every hook of Storefront, and nothing else.

``register_*`` hooks are plain functions, called once at start, and return declarations. ``price_*`` and
``assess_*`` run while a purchase is decided and may read; ``on_event`` runs after the commit, at least
once. An implementation names only the arguments that it uses. Async hooks are always called through
``core/hooks.py``. No meaning may hang on the order of plugins: adjustments are summed, the strictest
verdict wins.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import pluggy

from storefront.core.assessing import Assessment, PaymentAttempt, PurchaseAttempt
from storefront.core.commit.apply import LateStep
from storefront.core.commit.plan import Plan
from storefront.core.events import Event
from storefront.core.gateways import Gateway
from storefront.core.hooks import Gauge, JobHandlers, Operations
from storefront.core.kinds import OfferKind
from storefront.core.quotes import Adjustment, Quote
from storefront.core.reading import PointReader
from storefront.core.services import Services
from storefront.core.states import StatePart
from storefront.panels import ConsolePage, ConsolePanel
from storefront.routing import Routes

PROJECT = "storefront"
API_VERSION = 1
"""The version of this file; a plugin says which one it was written for (``api_version``)."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_offer_kinds() -> Sequence[OfferKind]:
    """Return the kinds of offer that this plugin sells."""


@hookspec
def register_gateways(services: Services) -> Sequence[Gateway]:
    """Return the payment gateways that this plugin brings."""


@hookspec
def register_routes(services: Services) -> Sequence[Routes | ConsolePage | ConsolePanel]:
    """Return the HTTP routes of this plugin, which live under ``/v1/<plugin name>/``, its pages, and its part of the
    operator console: pages of its own, and parts of the core's (``storefront.panels``)."""


@hookspec
def register_jobs(services: Services) -> JobHandlers:
    """Return ``job kind -> handler``; a handler is idempotent and gets the job's payload."""


@hookspec
def register_operations(services: Services) -> Operations:
    """Return ``name -> operation``: what an operator's shell may ask of this plugin as ``<plugin>.<name>``.

    An operation gets its arguments and returns its answer, both JSON objects; what is wrong it raises.
    """


@hookspec
def register_gauges(services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
    """Return functions that read figures for ``/metrics``; each is called at most every few seconds."""


@hookspec
def register_late_steps() -> Mapping[str, LateStep]:
    """Return ``name -> function`` of pure functions that plans may name (``<plugin>.<name>``).

    They run inside the commit with the rows that the plan named: no I/O, clock or randomness of their
    own. Their time is metered, because they run in the writer: a plugin whose mean passes 2 ms is
    quarantined.
    """


@hookspec
async def price_purchase(services: Services, attempt: PurchaseAttempt, quote: Quote) -> Sequence[Adjustment]:
    """Adjust a price. Within a stage adjustments are summed; before tax the result stays in [0, list]."""


@hookspec
async def assess_purchase(services: Services, attempt: PurchaseAttempt, plan: Plan) -> Assessment | None:
    """Judge a purchase before anything is written; the strictest verdict wins.

    Read freely, call no gateway. What must be written with the purchase (a velocity counter, a decision
    row) is added to ``plan``; a late step that may answer ``Review`` (with its reasons, for operators) adds it to
    ``plan.on_review`` too. Return None to abstain.
    """


@hookspec
async def assess_payment(services: Services, attempt: PaymentAttempt, plan: Plan) -> Assessment | None:
    """Judge a payment before goods are given, and before its money is taken where that is only authorised so far.

    Card and risk facts exist now (``attempt.facts.card``). A plugin that has this hook makes the shop authorise cards
    first, for all purchases; while none of its rules reads a payment, it says so by an attribute or property
    ``judges_payments`` that is False, and is asked only about what is received.
    """


@hookspec
async def customer_state(reader: PointReader, customer_id: str, now: int) -> StatePart | None:
    """Add to a customer's state (``GET /v1/me``): read with ``reader`` alone, which sees one moment; ``now`` is in ms.

    It is kept until the customer's version moves or an instant of the part is reached, so all that it tells
    hangs under the customer's anchor.
    """


@hookspec
async def on_event(services: Services, event: Event) -> None:
    """React to what has happened, after its commit; at least once, in commit order."""
