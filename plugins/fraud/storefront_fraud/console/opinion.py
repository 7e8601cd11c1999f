"""What is made of one purchase, in words: its score, what counted for it, and what is known of its buyer."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.purchasing import read_payment
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import payments, purchases
from storefront.panels import Asking, Field, Form, Link, Opinion, Section, Tone
from storefront_fraud.config import REPORTED, Settings
from storefront_fraud.console.words import (
    DECIDE,
    DECISIONS,
    SAID,
    WRITE,
    rule_words,
    score_of,
    tone_of,
)
from storefront_fraud.rules import RuleSet
from storefront_fraud.showing import NoDecision, explain

MOST_BEFORE = 50
MOST_REASONS = 3
_BEFORE = Query(
    select(purchases.c.metadata, payments.c.card)
    .join(payments, payments.c.purchase_id == purchases.c.id, isouter=True)
    .where(
        purchases.c.customer_id == bindparam("customer_id"),
        purchases.c.id < bindparam("id"),  # ids are in the order of time
        purchases.c.status == "completed",
    )
    .order_by(purchases.c.id.desc())
    .limit(MOST_BEFORE)
)
_THIS = Query(select(purchases.c.metadata, purchases.c.customer_id).where(purchases.c.id == bindparam("id")))


class Opinions:
    """What this plugin says of purchases on the core's pages."""

    def __init__(self, settings: Settings, rules: RuleSet) -> None:
        self._settings = settings
        self._rules = rules

    async def of_purchase(self, asking: Asking, purchase_id: str) -> Sequence[Section]:
        """Return the score and the decision of a purchase in words; of one that was not judged, nothing."""
        return await self._of(asking, purchase_id, can_block=False)

    async def of_review(self, asking: Asking, purchase_id: str) -> Sequence[Section]:
        """Return the same for the review queue, with the verb that also blocks."""
        return await self._of(asking, purchase_id, can_block=True)

    async def _of(self, asking: Asking, purchase_id: str, *, can_block: bool) -> Sequence[Section]:
        try:
            told = await explain(asking.services, purchase_id)
        except NoDecision:
            return []
        found: list[Mapping[str, Any]] = told["decisions"]
        last = found[-1]
        score, why = score_of(found)
        rules = {match["rule"]: rule_words(match["rule"]) for one in found for match in one["matches"]
                 if match["mode"] == "enforce"}  # fmt: skip
        known = await known_words(asking.services, self._settings, purchase_id, found)
        reasons = [*(() if can_block else rules.values()), *why[:MOST_REASONS], *known]
        return [
            Opinion(
                "Not scored" if score is None else f"Risk score {score} of 100",
                score,
                reasons,
                tone=tone_of(score, last["verdict"]),
                words=rules,
                forms=self.block_forms(asking, purchase_id) if can_block else (),
                more=Link("Why", f"{DECISIONS}/{purchase_id}"),
                hint=SAID[last["verdict"]],
            )
        ]

    def block_forms(self, asking: Asking, purchase_id: str) -> list[Form]:
        """Return the verb that refuses and blocks, for whoever may do both."""
        if not (asking.may(WRITE) and asking.may(DECIDE)):
            return []
        read = {one.list for found in self._rules.memberships.values() for one in found}
        says = f"Their customer id, card and network go on the lists {', '.join(REPORTED)}."
        if not read.intersection(REPORTED):
            says += " No rule reads these lists yet, so they can still buy."
        fields = (Field("reason", "Why", hint="For the record."),)
        return [
            Form(
                f"{DECISIONS}/{purchase_id}/block",
                "Refuse and block",
                fields,
                title="Refuse and block",
                tone=Tone.BAD,
                explains=says,
            ),
        ]


async def known_words(
    services: Services, settings: Settings, purchase_id: str, decisions: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return what is known of a purchase's buyer: for how long, how many bought before, by which device and card."""
    values: dict[str, Any] = {name: value for one in decisions for name, value in one["attributes"].items()}
    words = []
    days = values.get("customer.age_days")
    if days is not None:
        words.append("Known since today" if days == 0 else f"Known for {days} day{'s' * (days != 1)}")
    row = await services.reader.first(_THIS, id=purchase_id)
    if row is None:  # it was refused, so it is no purchase
        return words
    before = await services.reader.all(_BEFORE, customer_id=row["customer_id"], id=purchase_id)
    if not before:
        return [*words, "Nothing bought before"]
    device = _device(row, settings)
    if device is not None:
        words.append("Known device" if any(_device(one, settings) == device for one in before) else "New device")
    payment = await read_payment(services, purchase_id)
    card = None if payment is None else _card(payment)
    if card is not None:
        words.append("Known card" if any(_card(one) == card for one in before) else "New card")
    return words


def _device(row: Row, settings: Settings) -> Any:
    return msgspec.json.decode(row["metadata"]).get(settings.device)


def _card(row: Row) -> Any:
    return None if row["card"] is None else msgspec.json.decode(row["card"]).get("fingerprint")
