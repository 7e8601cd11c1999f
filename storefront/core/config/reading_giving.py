"""Turns the checked sections about giving into the dataclasses of ``model_giving``."""

from collections.abc import Mapping
from typing import Any

from storefront.core.config.model_giving import AssetTransfers, Clawback, Gifts, Transfers


def gifts_of(section: Mapping[str, Any]) -> Gifts:
    """Return the section ``gifts``; its schema has been met."""
    default = Gifts()
    return Gifts(
        allowed=section.get("allowed", default.allowed),
        by_customers=section.get("customers", default.by_customers),
        kinds=tuple(section.get("kinds", default.kinds)),
        per_day=section.get("per_day", default.per_day),
    )


def transfers_of(section: Mapping[str, Any]) -> Transfers:
    """Return the section ``transfers``; its schema has been met."""
    default = Transfers()
    return Transfers(
        by_customers=section.get("customers", default.by_customers),
        clawback=Clawback(section.get("clawback", default.clawback)),
        items_per_day=section.get("items_per_day", default.items_per_day),
        assets={code: AssetTransfers(**one) for code, one in section.get("assets", {}).items()},
    )
