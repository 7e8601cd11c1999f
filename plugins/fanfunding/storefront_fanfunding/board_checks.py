"""What no schema can say of goals, badges and grants: badges that nothing gives, grants that nobody allows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storefront.core.config import Complaint, ConfigCheck
from storefront_fanfunding.board_schema import ALL_OR_NOTHING
from storefront_fanfunding.checks import inside, items, twice
from storefront_fanfunding.goals import day_of

_OF_TIPS = ("measure", "reset", "since", "stretch")


def check_goals(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of goals that cannot be meant."""
    for name, creator in inside(value, "creators").items():
        path: tuple[str | int, ...] = ("creators", name, "goals")
        yield from twice(path, creator, "goals", "goal")
        for index, goal in items(creator, "goals"):
            yield from _in_order(goal, (*path, index))
            yield from _as_its_mode_asks(goal, (*path, index))
            if not _is_day(goal.get("since", "2026-01-01")):
                yield Complaint((*path, index, "since"), 'must be a day like "2026-11-01"')


def check_badges(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of badges that nothing gives, or two things do."""
    for name, creator in inside(value, "creators").items():
        path: tuple[str | int, ...] = ("creators", name, "badges")
        yield from twice(path, creator, "badges", "badge")
        by_tiers = {tier.get("badge") for _, tier in items(inside(creator, "tips"), "tiers")}
        for index, badge in items(creator, "badges"):
            when = inside(badge, "when")
            if "when" not in badge and badge.get("id") not in by_tiers:
                yield Complaint((*path, index), "is given by nothing: say `when:`, or name it as a tier's `badge:`")
            elif "when" in badge and badge.get("id") in by_tiers:
                yield Complaint((*path, index, "when"), "must be absent: a tier gives this badge")
            elif "holds" in when and badge.get("sticky"):
                yield Complaint((*path, index, "sticky"), "must be absent: it is there while the right is")


def check_grants(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of what tiers and goals give that the operator does not allow."""
    section = inside(inside(value, "plugins"), "fanfunding")
    for name, creator in inside(value, "creators").items():
        own = inside(inside(section, "creators"), name)
        told = own if "may_grant" in own else section
        allowed = {one.get("sku"): one.get("per_tip") for _, one in items(told, "may_grant")}
        for where, told in _giving(creator):
            for sku, quantity in inside(told, "grants").items():
                path = ("creators", name, *where, "grants", sku)
                most = allowed.get(sku)
                if sku not in allowed:
                    yield Complaint(path, "does not stand in the operator's `may_grant`", at_key=True)
                elif isinstance(quantity, int) and isinstance(most, int) and quantity > most:
                    yield Complaint(path, f"must be at most {most}, as the operator allows")


def _giving(creator: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Yield all of a creator's file that may give something of the game, and where it stands."""
    for index, tier in items(inside(creator, "tips"), "tiers"):
        yield ("tips", "tiers", index), tier
    for index, goal in items(creator, "goals"):
        yield ("goals", index), goal
        for step, stretch in items(goal, "stretch"):
            yield ("goals", index, "stretch", step), stretch


def _in_order(goal: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Complaint]:
    currency, least = _aim(goal)
    for index, stretch in items(goal, "stretch"):
        other, amount = _aim(stretch)
        where = (*path, "stretch", index, "target")
        if isinstance(currency, str) and isinstance(other, str) and other != currency:
            yield Complaint(where, f"must be in {currency}, as the goal is")
        elif isinstance(least, int) and isinstance(amount, int) and amount <= least:
            yield Complaint(where, f"must be more than what comes before, {least}")
        least = amount if isinstance(amount, int) else least


def _as_its_mode_asks(goal: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Complaint]:
    """Complain of what pledges need and do not know, or tips."""
    if goal.get("mode") == ALL_OR_NOTHING:
        if "deadline" not in goal:
            yield Complaint(path, "must say its `deadline`, by which pledges have to come to the target")
        for key in _OF_TIPS:
            if key in goal:
                yield Complaint((*path, key), "must be absent: no tips count for all or nothing", at_key=True)
        if "grants" in goal:
            said = "must be absent: each pledge gives what its tier says, when it is charged"
            yield Complaint((*path, "grants"), said, at_key=True)
        return
    for key in ("deadline", "min_collected"):
        if key in goal:
            yield Complaint((*path, key), "must be absent: it is of `mode: all_or_nothing`", at_key=True)


def _aim(told: Mapping[str, Any]) -> tuple[Any, Any]:
    return next(iter(inside(told, "target").items()), (None, None))


def _is_day(text: object) -> bool:
    if not isinstance(text, str):
        return True
    try:
        day_of(text)
    except ValueError:
        return False
    return True


BOARD_CONFIG_CHECKS: Sequence[ConfigCheck] = (check_goals, check_badges, check_grants)
