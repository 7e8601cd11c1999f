"""Who acts: an operator's act commits only if they still are, in that very commit, who its request found them to be.

A request is allowed when it begins; what it decides is committed later. In between an owner may have ended its
operator or given them another role. So the first commit of an act carries the question (``StillOperator``). Those
that follow do not: they finish what that one began, such as booking a refund that the gateway has made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from storefront.core.commit.plan import Plan
from storefront.core.commit.steps import StillOperator


@dataclass(slots=True)
class _Acting:
    asks: StillOperator
    is_done: bool = False


_ACTING: ContextVar[_Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(operator_id: str, role: str) -> Iterator[None]:
    """Let what is committed first inside be refused as ``NotOperator`` unless the operator still has this role."""
    token = _ACTING.set(_Acting(StillOperator(operator_id, role)))
    try:
        yield
    finally:
        _ACTING.reset(token)


def ask_who_acts(plan: Plan) -> None:
    """Add to a plan what must be so of whoever acts, if it is the first of their act."""
    acting = _ACTING.get()
    if acting is not None and not acting.is_done and acting.asks not in plan.list:
        plan.anchors.add(acting.asks.anchor)
        plan.list.insert(0, acting.asks)


def has_acted() -> None:
    """Note that something was committed: what follows in the same act is not asked again."""
    acting = _ACTING.get()
    if acting is not None:
        acting.is_done = True
