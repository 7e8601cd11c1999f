"""Decisions: found by purchase or customer, and one purchase's seen whole, with all that was read."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import false

from storefront.core.errors import Forbidden, NotFound
from storefront.core.exporting.lists import Narrowed
from storefront.core.operating.reviews import show_review
from storefront.core.services import Services
from storefront.pages.lists import at, chips, link, spoken, total
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    Done,
    Form,
    Line,
    Lines,
    Opinion,
    PageView,
    Row,
    Search,
    Section,
    Sure,
    Table,
    Tone,
)
from storefront_fraud.blocking import refuse_and_block
from storefront_fraud.config import Settings
from storefront_fraud.console.opinion import Opinions
from storefront_fraud.console.words import (
    DECIDE,
    DECISIONS,
    OUTCOMES,
    PHASES,
    STAGES,
    VERDICTS,
    WRITE,
    because,
    conditions,
    rule_words,
    score_of,
    value_words,
    verdict_badge,
)
from storefront_fraud.rules import RuleSet
from storefront_fraud.showing import conditions_of, explain, list_decisions

SHOWN = 25
_DECIDED_BY = {
    "none": "no rule",
    "fail": "what is done where a rule fails",
    "allow": "a rule that allows",
    "block": "a rule that blocks",
    "review": "a rule that sends to review",
    "challenge": "a rule that asks the bank",
}
COLUMNS = (
    Column("When"),
    Column("Customer"),
    Column("Rules"),
    Column("Score", is_number=True),
    Column("Purchase"),
    Column("Verdict"),
)
_TEXT = {"type": "string", "maxLength": 200}
QUERY: Mapping[str, Mapping[str, Any]] = {
    "q": _TEXT,
    "verdict": {"type": "string", "enum": list(VERDICTS)},
    "after": {"type": "string", "maxLength": 120},
}


async def show_decisions(asking: Asking) -> PageView:
    """Show decisions, newest first, those of refused purchases too."""
    query = asking.query
    page: Mapping[str, Any] = {"data": [], "next": None}
    with suppress(NotFound):  # nobody is called so
        page = await list_decisions(asking.services, **await _narrowed(asking.services, query.get("q", "").strip()),
                                    verdict=query.get("verdict"), limit=SHOWN, after=query.get("after"))  # fmt: skip
    older = None if page["next"] is None else link(DECISIONS, query, after=page["next"])
    newer = link(DECISIONS, query, after=None) if query.get("after") else None
    empty = "Nothing matches." if query.get("q") or query.get("verdict") else "Nothing was decided yet."
    rows = await decision_rows(asking, page["data"])
    table = Table("Decisions", COLUMNS, rows, empty=empty, older=older, newer=newer, name="decisions")
    kept = {"verdict": query["verdict"]} if query.get("verdict") else {}
    choices = [(name, words) for name, (words, _) in VERDICTS.items()]
    return PageView("Decisions", [table], search=Search("Purchase, or customer", query.get("q", ""), kept),
                    chips=chips(DECISIONS, query, "verdict", choices), hint="Fraud")  # fmt: skip


async def narrow(asking: Asking) -> Narrowed:
    """Return which decisions the list shows; whom it was searched for is not told."""
    text, verdict = asking.query.get("q", "").strip(), asking.query.get("verdict")
    told = {name: words for name, words in (("q", "searched" if text else None), ("verdict", verdict)) if words}
    try:
        wanted = await conditions_of(asking.services, **await _narrowed(asking.services, text), verdict=verdict)
    except NotFound:  # nobody is called so
        wanted = [false()]
    return Narrowed(wanted, told)


async def _narrowed(services: Services, text: str) -> dict[str, str]:
    """Return which decisions a text asks for: of a purchase, or of a customer by the game's id or ours."""
    if not text:
        return {}
    if text.startswith("pur_"):
        return {"purchase": text}
    return {"customer": await services.customers.external_id(text) if text.startswith("cus_") else text}


async def decision_rows(asking: Asking, found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return decisions as rows under ``COLUMNS``."""
    return [await _row(asking, one) for one in found]


async def _row(asking: Asking, one: Mapping[str, Any]) -> Row:
    score, _ = score_of([one])
    enforced = [rule_words(match["rule"]) for match in one["matches"] if match["mode"] == "enforce"]
    shadow = [rule_words(match["rule"]) for match in one["matches"] if match["mode"] != "enforce"]
    return Row(
        (
            Cell.when(at(one["created_at"])),
            Cell(await asking.services.customers.external_id(one["customer_id"]), is_name=True),
            Cell(", ".join(enforced) or "–", hint=f"shadow: {', '.join(shadow)}" if shadow else ""),
            Cell("–" if score is None else str(score)),
            Cell(one["purchase"], is_code=True, hint=STAGES[one["stage"]]),
            verdict_badge(one["verdict"]),
        ),
        url=f"{DECISIONS}/{one['purchase']}",
    )


class OneDecision:
    """The page of what was decided of one purchase, and its verb."""

    def __init__(self, settings: Settings, rules: RuleSet) -> None:
        self._settings = settings
        self._rules = rules
        self._opinions = Opinions(settings, rules)

    async def show(self, asking: Asking) -> PageView:
        """Show every rule that matched and every value that was read, when it was asked for and when it was paid."""
        purchase_id = asking.path["id"]
        told: list[Mapping[str, Any]] = (await explain(asking.services, purchase_id))["decisions"]
        told_of_it = await self._opinions.of_purchase(asking, purchase_id)
        sections: list[Section] = [replace(one, more=None) for one in told_of_it if isinstance(one, Opinion)]
        for one in told[::-1]:
            sections += [self._head(one), self._matches(one)]
        score = _why_so_high(told)
        beside: list[Section] = [*score, *(_read(one) for one in told[::-1])]
        forms: list[Section] = [*await self._forms(asking, purchase_id)]
        return PageView("Decision", sections, detail=[*forms, *beside], hint=purchase_id)

    def _head(self, one: Mapping[str, Any]) -> Lines:
        by = _DECIDED_BY.get(one["decided_by"], one["decided_by"])
        is_purchase = one["outcome"] != "refused"
        lines = [
            Line("Purchase", one["purchase"], url=f"/console/purchases/{one['purchase']}" if is_purchase else None),
            Line("Customer", one["customer_id"], url=f"/console/customers/{one['customer_id']}"),
            Line.when("Decided", at(one["created_at"])),
            Line("By", by),
            Line("Then it", OUTCOMES[one["outcome"]]),
            Line("Rules", one["rules_version"]),
            Line("Catalog", one["catalog_version"]),
        ]
        return Lines(f"Decided {STAGES[one['stage']]}", lines, badge=verdict_badge(one["verdict"]))

    def _matches(self, one: Mapping[str, Any]) -> Table:
        written, gone = conditions(self._rules), "not a rule any more"
        rows = [
            Row(
                (
                    Cell(rule_words(match["rule"]), is_name=True, hint=written.get(match["rule"], gone)),
                    Cell(PHASES.get(match["do"], match["do"])),
                    Cell(because(match), is_name=True),
                    Cell("Enforced", tone=Tone.GOOD) if match["mode"] == "enforce" else Cell("Shadow", tone=Tone.PLAIN),
                )
            )
            for match in one["matches"]
        ]
        columns = (Column("Rule"), Column("Does"), Column("Because"), Column("State"))
        return Table("Rules that hit", columns, rows, empty="No rule has matched.")

    async def _forms(self, asking: Asking, purchase_id: str) -> list[Form]:
        with suppress(NotFound):
            if (await show_review(asking.services, purchase_id))["state"] == "open":
                return self._opinions.block_forms(asking, purchase_id)
        return []

    async def block(self, asking: Asking) -> Done:
        """Refuse a purchase that waits, and block whoever tried."""
        if not asking.may(DECIDE):
            raise Forbidden("Your role may not decide reviews.")
        reason, actor = asking.form["reason"], asking.actor
        await refuse_and_block(asking.services, self._settings, asking.path["id"], reason=reason, actor=actor)
        return Done("/console/review", "blocked")

    def acts(self) -> Sequence[ConsoleAct]:
        sure = Sure("The money goes back, and their customer id, card and network go on the block lists.")
        fields = {"reason": {**_TEXT, "maxLength": 500}}
        return [
            ConsoleAct("block", WRITE, self.block, fields, needed=["reason"], sure=sure, words=_block_words),
        ]


async def _block_words(asking: Asking) -> str:
    one = await show_review(asking.services, asking.path["id"])
    return f"Refuse {one['customer']['id']}'s purchase for {total(asking, one['total'])}, and block them"


def _why_so_high(told: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return what counted for the score of a purchase, the heaviest first."""
    for one in told:
        if one["anomaly"] is not None:
            lines = [Line(spoken(why["says"]), f"{why['weight']:.1f}") for why in one["anomaly"]["reasons"]]
            hint = "The weight of each. 50 is one purchase in a thousand, 100 one in a million."
            total = Line("Score", f"{round(100 * one['anomaly']['score'])} of 100")
            return [Lines("What counted for the score", lines, total=total, hint=hint)]
    return []


def _read(one: Mapping[str, Any]) -> Lines:
    lines = [Line(name, value_words(value), is_name=True) for name, value in sorted(one["attributes"].items())]
    return Lines(f"What was read {STAGES[one['stage']]}", lines)
