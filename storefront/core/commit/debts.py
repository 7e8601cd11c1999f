"""The step that lets a customer owe: what a reversal wanted back and could not take, as data.

``debt_steps.py`` says what it does, and how later credits pay a debt off.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MissingOf:
    """What the ``TakeFrozen`` or partial ``TakeBack`` of this label wanted and could not take: known in the commit.

    ``less`` names other steps, which took part of that after all. What an earlier ``Owe`` of the same label lets
    somebody else owe is missing no more; ``at_most`` bounds what this one does.
    """

    label: str
    less: tuple[str, ...] = ()
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Forgive:
    """Strike off a debt, as far as it is still owed; ``results["forgiven:<asset>"]`` is by how much.

    If that is not what is ``expected``, somebody has paid since: the plan is ``Stale``. ``freeze_ids`` are for what
    it was owed: those freezes wait for no hold any more.
    """

    entry: str
    customer_id: str
    asset: str
    at_most: int
    expected: int
    freeze_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owe:
    """Let a customer owe an amount of an asset; nothing if it is zero.

    Of every later credit (``Deposit``) in that asset ``repay_percent`` (1–100) pays it off. With ``block_spending``
    nothing of that asset can be spent or held meanwhile. A debt that grows keeps the stricter of its terms. The
    outcome's ``results["owed:<label>"]`` (the asset, if it has no label) is the amount that was added,
    ``results["owed:<customer>:<asset>"]`` that of one customer where several owe. Of what a ``TakeFrozen`` missed,
    holds may pin a part: what they give back pays this debt, whole, as far as it is still owed then.
    """

    entry: str
    customer_id: str
    asset: str
    amount: int | MissingOf
    repay_percent: int = 100
    block_spending: bool = False
    label: str | None = None
