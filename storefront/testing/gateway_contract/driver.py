"""What a gateway's author plays for the contract: the payer, their bank, a bad line. Small, one per side.

A driver need only have the sides that its gateway's capabilities ask for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from storefront.core.gateways import Checkout
from storefront.core.money import Money


class Driver(Protocol):
    """What every driver has.

    ``gateway`` is the one under test. ``takes`` are amounts that it must carry to the unit, its edges and its odd
    currencies among them; ``refuses`` those that ``can_charge`` must say no to.
    """

    gateway: Any
    takes: Sequence[Money]
    refuses: Sequence[Money]

    def now(self) -> int:
        """Return the gateway's time, in ms."""
        ...


class PayerDriver(Driver, Protocol):
    """The payer on the hosted page."""

    async def pay(self, checkout: Checkout) -> None:
        """Pay it, with success."""
        ...

    async def be_declined(self, checkout: Checkout) -> None:
        """Try to pay, and be declined; the page stays open."""
        ...

    async def walk_away(self, checkout: Checkout) -> None:
        """Leave the page without paying."""
        ...


class LineDriver(Driver, Protocol):
    """A line to the gateway that breaks."""

    async def lose_reply(self) -> None:
        """Let the next call that changes something happen, and its reply be lost, retries of a library included."""
        ...


class SavingDriver(PayerDriver, Protocol):
    """A payer who lets us keep what they pay with."""

    async def save(self, checkout: Checkout) -> None:
        """Save a good method on a setup's page."""
        ...

    async def save_declining(self, payer: str) -> str:
        """Give this payer a method that every charge declines; return its reference."""
        ...

    async def save_asking(self, payer: str) -> str:
        """Give this payer a method whose bank asks for them at every charge; return its reference."""
        ...

    async def confirm(self, url: str) -> None:
        """Say yes on the bank's page."""
        ...


class BankDriver(PayerDriver, Protocol):
    """The payer's bank, which asks for money back."""

    async def dispute(self, payment: str) -> None: ...

    async def warn(self, payment: str) -> None:
        """Send an early fraud warning."""
        ...


class CreatorDriver(PayerDriver, Protocol):
    """A creator who fills in the gateway's form, and time that passes until money is there to send."""

    async def finish_onboarding(self, page: Checkout) -> None: ...

    async def settle(self) -> None:
        """Let what was paid become available."""
        ...


class BooksDriver(PayerDriver, Protocol):
    """A gateway's books, seen from its side."""

    async def make_meter(self, meter: str) -> None:
        """Make a meter that sums up what it is told."""
        ...

    async def used(self, meter: str, payer: str) -> int:
        """Return what a meter has counted for a payer."""
        ...


class WebhookDriver(PayerDriver, Protocol):
    """What the gateway posts to us."""

    async def last_webhook(self) -> bytes:
        """Return the raw bytes of an event about a payment that the gateway has sent."""
        ...

    def sign(self, raw: bytes, *, is_ours: bool = True, age_seconds: int = 0) -> Mapping[str, str]:
        """Return the headers for these bytes: signed for our endpoint or with another secret, so long ago."""
        ...
