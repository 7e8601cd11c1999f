"""How an emulator behaves from its start on, as a YAML file: currencies, rates, daily payouts, misbehaviour.

    settles: [usd, eur, huf]        # kept as themselves; other currencies are converted to the first
    rates: {jpy: 155.5}             # units that one US dollar buys, for those that shall differ from the table
    automatic_payouts: true         # pay out at each midnight (UTC)
    misbehave:                      # the bodies that POST /control/misbehave takes, one after the other
      - {fault: lose_reply, on: "POST /v1/refunds", times: 2}
      - {webhooks: {mode: duplicate}}

Currencies, rates and the schedule are kept in the emulator's file; one started without them keeps what it has.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from storefront.sandbox import daily_payouts, exchange
from storefront.sandbox.accounts import ensure_account
from storefront.sandbox.orders import Misbehave
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.world import World


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a start may order; see the module."""

    settles: list[str] | None = None
    rates: dict[str, str] = {}
    automatic_payouts: bool | None = None
    misbehave: list[Misbehave] = []

    def __post_init__(self) -> None:
        if self.settles is not None:
            exchange.checked_settles(self.settles)
        exchange.checked_rates(self.rates)

    async def apply(self, sandbox: Sandbox) -> None:
        """Behave so from now on."""
        await sandbox.act(self._settle)
        for order in self.misbehave:
            await order.apply(sandbox)

    def _settle(self, world: World) -> None:
        if self.settles is not None:
            exchange.set_settles(world, self.settles)
            ensure_account(world)  # with a bank account for each currency
        exchange.set_rates(world, self.rates)
        if self.automatic_payouts is not None:
            daily_payouts.switch(world, is_on=self.automatic_payouts)


def read_behaviour(path: Path) -> Behaviour:
    """Read such a file.

    Raises:
        ValueError: it cannot be read, is no YAML, or says something that nobody understands; with its name.
    """
    try:
        # All as text at first: YAML reads a bare `on` as true.
        told = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
        return msgspec.convert(told or {}, type=Behaviour, strict=False)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
