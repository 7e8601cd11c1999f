"""What of a currency a reversal took, told by what it was given as: bought, or granted on top of it.

A wallet's debt knows no sources, nor does what was taken from others: those go to the first source that lacks so much.
"""

from collections.abc import Mapping, Sequence

import msgspec

from storefront.core.commit.freezes import SourceDemand
from storefront.core.refunds import TakenBack, TakenCredit


def split_by_source(
    whole: TakenCredit, sources: Sequence[SourceDemand], lots: Mapping[str, int]
) -> tuple[TakenCredit, ...]:
    """Return what was taken of one asset as one record per source, which add up to ``whole``.

    ``lots`` (lot -> amount) is what was taken of the lots themselves. Without sources there is one record.
    """
    if not sources:
        return (whole,)
    found = [sum(lots.get(lot_id, 0) for lot_id in one.lot_ids) for one in sources]
    taken = _spread(whole.taken - sum(found), [one.demanded for one in sources], found)
    owed = _spread(whole.owed, [one.demanded - there for one, there in zip(sources, taken, strict=True)])
    return tuple(
        TakenCredit(whole.asset, one.source, one.demanded, there, one.demanded - there - owes, owes)
        for one, there, owes in zip(sources, taken, owed, strict=True)
    )


def by_asset(told: TakenBack) -> tuple[TakenCredit, ...]:
    """Return what a reversal took of the currency that its purchase gave, one per asset, and of each opening."""
    found: dict[str, TakenCredit] = {}
    for one in told.credits:
        name = one.source if one.source in told.openings else ""
        key = f"{name}:{one.asset}"
        known = found.get(key)
        found[key] = one if known is None else _sum(known, one)
    return tuple(found.values())


def _spread(amount: int, most: Sequence[int], found: Sequence[int] | None = None) -> list[int]:
    """Add an amount to what is ``found``, to each as far as ``most`` allows; what is left goes to the first."""
    spread = list(found) if found is not None else [0] * len(most)
    for at, at_most in enumerate(most):
        more = max(0, min(amount, at_most - spread[at]))
        spread[at] += more
        amount -= more
    spread[0] += amount
    return spread


def _sum(one: TakenCredit, other: TakenCredit) -> TakenCredit:
    return msgspec.structs.replace(
        one,
        demanded=one.demanded + other.demanded,
        taken=one.taken + other.taken,
        written_off=one.written_off + other.written_off,
        owed=one.owed + other.owed,
    )
