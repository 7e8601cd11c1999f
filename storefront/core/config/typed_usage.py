"""Turns the checked sections ``meters``, ``usage`` and ``metering`` into the dataclasses of ``model_usage``."""

from collections.abc import Mapping
from typing import Any

from storefront.core.config.model_usage import (
    MICRO,
    Aggregation,
    Charge,
    ChargeMode,
    ChargeModel,
    Meter,
    Metering,
    OnExhausted,
    Period,
    Tier,
    read_decimal,
)


def make_meters(value: Mapping[str, Any]) -> dict[str, Meter]:
    """Return the meters by name."""
    return {name: _meter(name, one) for name, one in value.get("meters", {}).items()}


def make_charges(value: Mapping[str, Any]) -> dict[str, Charge]:
    """Return the charges by the key of their feature."""
    return {feature: make_charge(feature, one) for feature, one in value.get("usage", {}).items()}


def make_metering(value: Mapping[str, Any]) -> Metering:
    """Return how usage is taken in."""
    return Metering(**value.get("metering", {}))


def _meter(name: str, section: Mapping[str, Any]) -> Meter:
    filters = {
        field: (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for field, wanted in section.get("filters", {}).items()
    }
    return Meter(
        name=name,
        event_type=section["event_type"],
        aggregation=Aggregation(section["aggregation"]),
        value=section.get("value"),
        filters=filters or None,
        period=Period(section.get("period", Period.MONTH)),
    )


def make_charge(feature: str, section: Mapping[str, Any]) -> Charge:
    """Return what the usage of a feature costs, from its checked section."""
    return Charge(
        feature=feature,
        meter=section["meter"],
        mode=ChargeMode(section["mode"]),
        asset=section["asset"],
        model=ChargeModel(section["model"]),
        price=read_decimal(section.get("price", "0")),
        tiers=tuple(_tier(tier) for tier in section.get("tiers", ())),
        package=section.get("package", 1) * MICRO,
        included=section.get("included", 0) * MICRO,
        on_exhausted=OnExhausted(section.get("on_exhausted", OnExhausted.REJECT)),
        low_at=section.get("low_at"),
    )


def _tier(section: Mapping[str, Any]) -> Tier:
    up_to = section.get("up_to")
    price, flat = read_decimal(section["price"]), read_decimal(section.get("flat", "0"))
    return Tier(None if up_to is None else up_to * MICRO, price, flat)
