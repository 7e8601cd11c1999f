"""The first page of fraud: the rules and how each does, what was decided within a week, and the lists."""

from collections import Counter

from markupsafe import Markup
from sqlalchemy import func, select

from storefront.core.analytics.members import date_of
from storefront.core.clock import DAY_MS
from storefront.core.services import Services
from storefront.design.charts import (
    BarList,
    BarRow,
    Series,
    StackedBars,
    as_table,
    bar_list,
    legend,
    stacked_bars,
)
from storefront.pages.lists import spoken
from storefront.panels import Asking, Beside, Cell, Column, Drawing, Link, Note, PageView, Row, Section, Table, Tone
from storefront_fraud.config import Settings
from storefront_fraud.console.decisions import COLUMNS, decision_rows
from storefront_fraud.console.words import DECISIONS, LISTS, PHASES, STAGES, VERDICTS, rule_words
from storefront_fraud.lists import show_lists
from storefront_fraud.rules import RuleSet
from storefront_fraud.showing import count_matches, list_decisions, show_rules
from storefront_fraud.tables import decisions

DAYS, LATEST = 7, 8
_COLOURS = {"allow": "c1", "challenge": "c4", "review": "c2", "block": "c3"}
_MOST_RULES = 10
_UNIT = "decisions"


async def show_fraud(asking: Asking, settings: Settings, rules: RuleSet) -> PageView:
    """Show what the rules do."""
    services = asking.services
    sections: list[Section] = [
        Beside(((await _by_verdict(asking),), (await _by_rule(asking),)), is_wide=True),
        await _latest(asking),
        await _rules(services, settings, rules),
        await _lists(services, settings),
    ]
    tried = "storefront fraud test --since 30d --rules FILE replays them over what was decided, and changes nothing."
    return PageView("Fraud", sections, notes=[Note(Tone.INFO, "Rules are tried in the shell.", tried)])


async def _latest(asking: Asking) -> Table:
    page = await list_decisions(asking.services, limit=LATEST)
    rows = await decision_rows(asking, page["data"])
    return Table("Decided last", COLUMNS, rows, empty="Nothing was decided yet.", more=Link("All decisions", DECISIONS))


async def _rules(services: Services, settings: Settings, rules: RuleSet) -> Table:
    told = await show_rules(services, rules)
    rows = [
        Row(
            (
                Cell(rule_words(one["id"]), hint=one["when"], is_name=True),
                Cell(PHASES[one["do"]]),
                Cell("Enforced", tone=Tone.GOOD) if one["mode"] == "enforce" else Cell("Shadow", tone=Tone.PLAIN),
                Cell(spoken(STAGES[one["stage"]])),
                Cell(f"{one['matched']:,}"),
                Cell(f"{one['errors']:,}", hint=one["last_error"] or ""),
            )
        )
        for one in told["data"]
    ]
    columns = (
        Column("Rule"),
        Column("Does"),
        Column("State"),
        Column("Runs"),
        Column("Matched, 24 h", is_number=True),
        Column("Errors, 24 h", is_number=True),
    )
    fails = "lets it through" if settings.fail == "allow" else f"ends in {settings.fail}"
    hint = f"Version {told['rules_version']}. What a rule cannot read or work out {fails}, unless the rule says more."
    return Table("Rules", columns, rows, hint=hint, empty="No rules yet: everything passes. The README has some.")


async def _lists(services: Services, settings: Settings) -> Table:
    told = await show_lists(services, settings)
    rows = [Row((Cell(one["list"], is_name=True), Cell(f"{one['values']:,}")), url=f"{LISTS}/{one['list']}")
            for one in told["data"]]  # fmt: skip
    return Table("Lists", (Column("List"), Column("On it", is_number=True)), rows)


async def _by_verdict(asking: Asking) -> Drawing:
    services, title = asking.services, "Decided within 7 days"
    today = services.clock.now() // DAY_MS
    days = range(today - DAYS + 1, today + 1)
    day = (decisions.c.created_at // DAY_MS).label("day")
    counted = select(day, decisions.c.verdict, func.count().label("n")).where(
        decisions.c.created_at >= days[0] * DAY_MS
    )
    rows = await services.reader.scan(counted.group_by(day, decisions.c.verdict))
    found = {(int(row["day"]), row["verdict"]): int(row["n"]) for row in rows}
    if not found:
        return Drawing(title, _nothing("Nothing was decided in this time."))
    verdicts = [verdict for verdict in VERDICTS if any(one == verdict for _, one in found)]
    total = sum(found.values())
    chart = StackedBars(
        title=f"{title}: {total:,} in all",
        days=tuple(date_of(one) for one in days),
        series=tuple(Series(VERDICTS[verdict][0], _COLOURS[verdict],
                            tuple(found.get((one, verdict), 0) for one in days)) for verdict in verdicts),
        unit=_UNIT,
        locale=asking.language,
    )  # fmt: skip
    hint = "Of purchases, and of their payments where rules read those."
    return Drawing(title, stacked_bars(chart), as_table(chart), figure=f"{total:,}", aside=legend(chart), hint=hint,
                   url=DECISIONS)  # fmt: skip


async def _by_rule(asking: Asking) -> Drawing:
    title, services = "Matched within 7 days, by rule", asking.services
    matches: Counter[str] = (await count_matches(services, since=services.clock.now() - DAYS * DAY_MS)).matches
    if not matches:
        return Drawing(title, _nothing("No rule has matched in this time."))
    rows = tuple(BarRow(rule_words(name), many) for name, many in matches.most_common(_MOST_RULES))
    chart = BarList(title, rows, _UNIT, asking.language, colour="c4")
    return Drawing(title, bar_list(chart), as_table(chart), hint="In shadow mode, too.")


def _nothing(words: str) -> Markup:
    return Markup('<p class="hint">{}</p>').format(words)
