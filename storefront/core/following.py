"""What a reversal does in the wallets of others than its receiver, and who owes what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storefront.core.commit.plan import Demand, Freeze, MissingOf, Owe, Plan, TakeFrozen, Unfreeze, WalletDemand
from storefront.core.passed_on import Elsewhere

ENTRY = "elsewhere"
"""The label of the entry under which currency is taken where it was passed on to; it reverses nothing."""


def elsewhere_id(freeze_id: str, number: int) -> str:
    """Name the freeze of what a reversal follows into another wallet, beside its own."""
    return f"{freeze_id}.to{number}"


def freeze_elsewhere(plan: Plan, elsewhere: Sequence[Elsewhere], freeze_id: str, facts: dict[str, Any]) -> None:
    """Set aside what was passed on; ``facts`` learn in whose wallets."""
    if elsewhere or "elsewhere" in facts:
        facts["elsewhere"] = [one.customer_id for one in elsewhere]
    for number, one in enumerate(elsewhere):
        plan.add(Freeze(elsewhere_id(freeze_id, number), one.customer_id, one.demand))


def unfreeze_elsewhere(plan: Plan, elsewhere: Sequence[Elsewhere], freeze_id: str) -> None:
    """Give back what was set aside of what was passed on."""
    for number, one in enumerate(elsewhere):
        plan.add(Unfreeze(elsewhere_id(freeze_id, number), one.customer_id, one.demand))


def take_elsewhere(
    plan: Plan, elsewhere: Sequence[Elsewhere], freeze_id: str, *, about: str
) -> Sequence[tuple[str, str]]:
    """Take what was set aside of what was passed on; return each step's label, and from whom it takes."""
    owners = []
    for number, one in enumerate(elsewhere):
        label = f"elsewhere:{number}"
        name = elsewhere_id(freeze_id, number)
        plan.add(TakeFrozen(ENTRY, name, one.customer_id, one.demand, label, about=about))
        owners.append((label, one.customer_id))
    return owners


def let_owe(
    plan: Plan,
    entry: str,
    wanted: WalletDemand,
    *,
    missing_of: str,
    less: tuple[str, ...],
    whose: tuple[str, str],
    terms: tuple[int, bool],
    label: str | None = None,
) -> None:
    """Let the buyer owe what is missing of a demand; what had paid off a debt of the receiver's is their debt again.

    ``whose`` are buyer and receiver, ``terms`` how it is repaid; ``label`` names what is owed, if not the asset.
    """
    buyer_id, receiver_id = whose
    if receiver_id != buyer_id and wanted.paid_debts:
        again = MissingOf(missing_of, less=less, at_most=wanted.paid_debts)
        plan.add(Owe(entry, receiver_id, wanted.asset, again, *terms, label=label))
    plan.add(Owe(entry, buyer_id, wanted.asset, MissingOf(missing_of, less=less), *terms, label=label))


def has_moved(results: Mapping[str, Any], labels: Iterable[str], demand: Demand) -> bool:
    """Tell whether the steps of these labels took value, or let any be owed."""
    steps = (results.get(f"taken:{label}", {"wallets": {}}) for label in labels)
    took = any(any(step["wallets"].values()) for step in steps)
    return took or any(results.get(f"owed:{wanted.asset}") for wanted in demand.wallets)
