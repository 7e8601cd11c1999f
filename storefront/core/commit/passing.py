"""The steps that pass on what a customer has to another one, as data: currency, and items.

``passing_steps.py`` and ``passing_items.py`` say what they do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassOn:
    """Move value from one customer's wallet into another's, each drawn lot on its own terms, now as a ``gift``.

    ``amount`` leaves ``customer_id``; ``fee`` of it goes to the sink. Lots are drawn in the order of a spend, but for
    those that money paid for (with what came on top of them) and that were opened after ``rested_since`` (business ms;
    None: all may go). What the receiver owes is paid off first, like by any other credit. ``ends`` are the instants at
    which lots of the sender's lapse, as they were read: one that is not among them makes the plan ``Stale``. The
    outcome's ``results["passed"]`` is ``[[lot drawn, lot filled, amount], …]``.
    """

    entry: str
    customer_id: str
    recipient_id: str
    asset: str
    amount: int
    fee: int = 0
    rested_since: int | None = None
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PassItem:
    """Move items from one customer's inventory into another's; ``at_most`` bounds what the receiver may own.

    Units that are things of their own go as they are, with id and number: the one that ``instance`` names, else what
    has no number first and then the oldest. What is frozen stays, what lasts is refused. The outcome's
    ``results["passed:{sku}"]`` is ``[[instance, number], …]``.
    """

    customer_id: str
    recipient_id: str
    sku: str
    quantity: int
    about: str
    at_most: int | None = None
    instance: str | None = None
