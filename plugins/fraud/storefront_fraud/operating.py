"""What an operator's shell asks (``storefront fraud``), and the figures for ``/metrics``."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import jsonschema_rs
from sqlalchemy import func, select

from storefront.core.clock import HOUR_MS, parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.hooks import Gauge, Operations
from storefront.core.services import Services
from storefront_fraud.back_testing import BackTest, other_rules
from storefront_fraud.config import Settings
from storefront_fraud.config_schema import RULES
from storefront_fraud.lists import add_to_list, duration_of, remove_from_list, show_list, show_lists
from storefront_fraud.rules import VERDICT_OF, RuleSet
from storefront_fraud.showing import explain, list_decisions, show_rules
from storefront_fraud.tables import decisions

SHELL = "operator:shell"
Asked = Mapping[str, Any]


def operations_of(services: Services, settings: Settings, rules: RuleSet) -> Operations:
    """Return what the shell may ask."""

    async def add(asked: Asked) -> dict[str, Any]:
        ends = None if asked["for"] is None else duration_of(asked["for"])
        return await add_to_list(services, settings, asked["list"], asked["values"], reason=asked["reason"],
                                 actor=SHELL, for_ms=ends)  # fmt: skip

    async def remove(asked: Asked) -> dict[str, Any]:
        return await remove_from_list(services, settings, asked["list"], asked["values"], actor=SHELL)

    async def test(asked: Asked) -> dict[str, Any]:
        return await back_test(services, settings, rules, since=asked["since"], written=asked["rules"])

    found: dict[str, Callable[[Asked], Awaitable[dict[str, Any]]]] = {
        "decisions": lambda asked: list_decisions(services, **asked),
        "explain": lambda asked: explain(services, asked["purchase"]),
        "rules": lambda _: show_rules(services, rules),
        "lists.list": lambda _: show_lists(services, settings),
        "lists.show": lambda asked: show_list(services, settings, asked["list"]),
        "lists.add": add,
        "lists.remove": remove,
        "test": test,
    }
    return found


async def back_test(
    services: Services, settings: Settings, rules: RuleSet, *, since: str, written: Any
) -> dict[str, Any]:
    """Replay the shop's rules, or others, over what was decided since then (``30d``, or an instant).

    Raises:
        Invalid: ``since`` is neither, or the rules are none.
    """
    if written is not None:
        check = jsonschema_rs.validator_for(dict(RULES))
        errors = [
            FieldError("/rules" + "".join(f"/{step}" for step in error.instance_path), error.message)
            for error in check.iter_errors(written)
        ]
        if errors:
            raise Invalid(f"These are no rules: {errors[0].pointer} {errors[0].message}", errors=errors)
        rules = other_rules(settings, written)
    return await BackTest(services, settings, rules).run(_since(services, since))


def _since(services: Services, text: str) -> int:
    if text[-1:] in "smhd" and text[:-1].isdigit():
        return max(0, services.clock.now() - duration_of(text))
    try:
        return parse_iso(text)
    except ValueError as error:
        wrong = "must be a duration like 30d, or an instant like 2026-11-21T00:00:00Z"
        raise Invalid(f"{text} is no time.", errors=[FieldError("/since", wrong)]) from error


async def read_gauges(services: Services) -> Sequence[Gauge]:
    """Read what was decided within the last hour, and how often a rule ended in an error."""
    since = services.clock.now() - HOUR_MS
    counted = select(decisions.c.verdict, func.count().label("n"), func.sum(decisions.c.errors).label("errors"))
    rows = await services.reader.scan(counted.where(decisions.c.created_at >= since).group_by(decisions.c.verdict))
    counts = {row["verdict"]: row["n"] for row in rows}
    says = "Purchases and payments that were judged within the last hour of business time."
    return [
        *(Gauge("storefront_fraud_decisions", says, counts.get(one, 0), {"verdict": one}) for one in VERDICT_OF),
        Gauge("storefront_fraud_rule_errors", "Rules that ended in an error within the last hour.",
              sum(int(row["errors"]) for row in rows)),
    ]  # fmt: skip
