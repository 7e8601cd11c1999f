"""What an operator's shell does with customers, purchases and payments: the same use cases as over HTTP."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.control.operations import Answer, Operation, with_catalog
from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.exporting.running import BEGUN, ENDED, record_export
from storefront.core.idempotency import idempotency_key
from storefront.core.merging.merge import OPERATION as MERGE
from storefront.core.merging.merge import MergeRequest, merge
from storefront.core.operating.alarms import list_alarms
from storefront.core.operating.customers import show_customer
from storefront.core.operating.disputes import accept_dispute, answer_dispute, list_disputes, show_dispute_in_full
from storefront.core.operating.experiments import list_experiments, show_experiment
from storefront.core.operating.inbox import list_events, replay_event, show_event
from storefront.core.operating.jobs import list_jobs, retry_job
from storefront.core.operating.losses import show_loss, show_possible_loss
from storefront.core.operating.purchases import show_purchase_in_full
from storefront.core.operating.reconciliations import gateways_with_books, reconcile_now
from storefront.core.operating.reviews import approve_review, list_reviews, reject_review, show_review
from storefront.core.privacy.exporting import export_customer
from storefront.core.purchasing import read_purchase
from storefront.core.refunding import OPERATION, refund
from storefront.core.refunds import RefundRequest, Strategy
from storefront.core.services import Services
from storefront.core.typed_amounts import read_amount


class OperatorDesk:
    """The operations ``customers.*``, ``purchases.*``, ``inbox.*``, ``jobs.*``, ``disputes.*`` and their like."""

    def __init__(self, services: Services, *, actor: str) -> None:
        self._services = services
        self._actor = actor
        operations: Mapping[str, Operation] = {
            "customers.show": lambda asked: show_customer(services, asked["customer"]),
            "customers.merge": self._merge,
            "customers.export": lambda asked: export_customer(services, asked["customer"], actor=actor),
            "purchases.show": lambda asked: show_purchase_in_full(services, asked["purchase"]),
            "purchases.refund": self._refund,
            "inbox.list": lambda asked: list_events(services, **asked),
            "inbox.show": lambda asked: show_event(services, **asked),
            "inbox.replay": lambda asked: replay_event(services, **asked, actor=actor),
            "jobs.list": lambda asked: list_jobs(services, **asked),
            "jobs.retry": lambda asked: retry_job(services, asked["id"], actor=actor),
            "experiments.list": lambda _: list_experiments(services),
            "experiments.show": lambda asked: show_experiment(services, asked["name"]),
            "alarms.list": lambda asked: list_alarms(services, **asked),
            "disputes.list": lambda asked: list_disputes(services, **asked),
            "disputes.show": lambda asked: show_dispute_in_full(services, asked["id"]),
            "disputes.loss": lambda asked: show_loss(services, asked["id"]),
            "reviews.list": lambda asked: list_reviews(services, **asked),
            "reviews.show": lambda asked: show_review(services, asked["purchase"]),
            "reviews.approve": lambda asked: approve_review(
                services, asked["purchase"], reason=asked["reason"], actor=actor
            ),
            "reviews.reject": lambda asked: reject_review(
                services, asked["purchase"], reason=asked["reason"], actor=actor
            ),
            "purchases.loss": lambda asked: show_possible_loss(services, asked["purchase"]),
            "disputes.answer": self._answer,
            "disputes.accept": self._accept,
            "reconcile.gateways": self._gateways,
            "reconcile": self._reconcile,
            "exports.record": self._record_export,
        }
        self.operations = with_catalog(services, operations)

    async def _merge(self, asked: Mapping[str, Any]) -> Answer:
        """Merge two customers; ``key`` keeps a call whose reply was lost from happening twice."""
        terms = {name: asked[name] for name in ("source", "into", "reason", "dry_run")}
        wanted = MergeRequest(
            idempotency=idempotency_key(self._actor, MERGE, asked["key"], terms),
            source=asked["source"],
            target=asked["into"],
            reason=asked["reason"],
            is_dry_run=asked["dry_run"],
        )
        answer, _ = await merge(self._services, wanted)
        made: Answer = msgspec.json.decode(answer.body)
        return made

    async def _refund(self, asked: Mapping[str, Any]) -> Answer:
        """Refund a purchase; ``key`` keeps a call whose reply was lost from happening twice."""
        amount = None if asked["amount"] is None else await self._minor_units(asked["purchase"], *asked["amount"])
        terms = {name: asked[name] for name in ("purchase", "reason", "amount", "quantity", "strategy", "dry_run")}
        lines = tuple((sku, quantity) for sku, quantity in asked.get("lines") or ())
        if lines:
            terms["lines"] = lines  # without them the key means what it meant before there were any
        wanted = RefundRequest(
            idempotency=idempotency_key(self._actor, OPERATION, asked["key"], terms),
            purchase_id=asked["purchase"],
            reason=asked["reason"],
            amount=amount,
            quantity=asked["quantity"],
            lines=lines,
            strategy=Strategy(asked["strategy"]),
            is_dry_run=asked["dry_run"],
        )
        answer, _ = await refund(self._services, wanted)
        made: Answer = msgspec.json.decode(answer.body)
        return made

    async def _record_export(self, asked: Mapping[str, Any]) -> Answer:
        """Write down an export that a shell reads from the files itself, as it begins and as it ends."""
        action = ENDED if asked["ended"] else BEGUN
        await record_export(self._services, action, asked["list"], asked["facts"], actor=self._actor)
        return {"recorded": True}

    async def _minor_units(self, purchase_id: str, number: str, currency: str) -> int:
        """Read an amount as people write it (``2.50 USD``), which must be in the purchase's own currency."""
        purchase = await read_purchase(self._services, purchase_id)
        if currency != purchase["currency"]:
            wrong = f"must be in {purchase['currency']}, as the purchase is"
            raise Invalid(f"The amount {wrong}.", errors=[FieldError("/amount", wrong)])
        return read_amount(self._services.catalogs.active, number, currency)

    async def _answer(self, asked: Mapping[str, Any]) -> Answer:
        await answer_dispute(self._services, asked["id"], asked["texts"], submits=asked["submit"], actor=self._actor)
        return await show_dispute_in_full(self._services, asked["id"])

    async def _accept(self, asked: Mapping[str, Any]) -> Answer:
        await accept_dispute(self._services, asked["id"], actor=self._actor)
        return await show_dispute_in_full(self._services, asked["id"])

    async def _gateways(self, _: Mapping[str, Any]) -> Answer:
        return {"data": gateways_with_books(self._services)}

    async def _reconcile(self, asked: Mapping[str, Any]) -> Answer:
        """Reconcile one gateway; ``since`` is RFC 3339, ``milliseconds_ago`` counts back from business time."""
        since = None
        if asked["milliseconds_ago"] is not None:
            since = self._services.clock.now() - asked["milliseconds_ago"]
        elif asked["since"] is not None:
            try:
                since = parse_iso(asked["since"])
            except ValueError as error:
                raise Invalid(f"This is not a time: {error}.", errors=[FieldError("/since", str(error))]) from error
        return await reconcile_now(self._services, asked["gateway"], since=since, actor=self._actor)
