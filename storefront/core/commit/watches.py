"""The step that arms a wallet: from then on a commit that spends from it begins a top-up if too little is left."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watch:
    """Set from which balance on a wallet is to be topped up; None for never. ``expect`` is what it must be now.

    ``begins``: if there is less already, the top-up begins with this very commit.
    """

    customer_id: str
    asset: str
    below: int | None
    expect: int | None
    begins: bool = False
