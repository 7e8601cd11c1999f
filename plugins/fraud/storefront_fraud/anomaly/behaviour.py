"""What the detector is told of one purchase that is about to be made."""

from dataclasses import dataclass

from storefront.core.clock import DAY_MS


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One attempt, at ``at`` (ms).

    ``amount`` is in the smallest unit of the reference currency, None without a rate. ``purchases`` and ``refunds`` are
    the buyer's so far. What is None is not known, and is not judged.
    """

    at: int
    customer_since: int
    kind: str
    sku: str
    amount: int | None
    gateway: str
    purchases: int = 0
    refunds: int = 0
    recipient: str | None = None
    recipient_since: int | None = None
    network: str | None = None
    device: str | None = None
    country: str | None = None

    @property
    def age_days(self) -> float:
        return max(0, self.at - self.customer_since) / DAY_MS
