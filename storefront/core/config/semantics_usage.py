"""What no schema can say about meters and charges: that they name each other, and can be kept exactly."""

from collections.abc import Iterator, Mapping, Sequence

from storefront.core.config.currencies import real_currencies
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import Path, show_key
from storefront.core.config.validation import did_you_mean

_NEEDS_PRICE = ("per_unit", "package")
_NEEDS_TIERS = ("graduated", "volume")
DEFAULT_LATE_DAYS = 35
DEFAULT_USAGE_IDS_DAYS = 60


def usage_complaints(value: Mapping[str, object]) -> Iterator[Complaint]:
    """Say what contradicts itself in ``meters``, ``usage``, ``metering`` and how long usage ids are kept."""
    meters, charges = _mapping(value.get("meters")), _mapping(value.get("usage"))
    for name, meter in meters.items():
        yield from _meter(name, _mapping(meter))
    charged: dict[str, str] = {}
    for feature, charge in charges.items():
        yield from _charge(feature, _mapping(charge), value)
        yield from _of_meter(feature, _mapping(charge), meters, charged)
    yield from _late(value)


def _meter(name: str, meter: Mapping[str, object]) -> Iterator[Complaint]:
    aggregation, has_value = meter.get("aggregation"), "value" in meter
    if aggregation == "count" and has_value:
        yield Complaint(("meters", name, "value"), "is not used: `count` counts events", at_key=True,
                        meant=("meters", name))  # fmt: skip
    elif aggregation in ("sum", "max", "unique", "latest") and not has_value:
        message = f"lacks `value`: the field of the data that `{aggregation}` looks at"
        yield Complaint(("meters", name), message, at_key=True, example={name: {**meter, "value": "minutes"}})


def _of_meter(
    feature: str, charge: Mapping[str, object], meters: Mapping[str, object], charged: dict[str, str]
) -> Iterator[Complaint]:
    name, path = charge.get("meter"), ("usage", feature, "meter")
    if not isinstance(name, str):
        return
    if name not in meters:
        yield Complaint(path, f"no meter is called {show_key(name)}{did_you_mean(name, list(meters))}")
        return
    if name in charged:
        yield Complaint(path, f"is charged by {show_key(charged[name])} already: one feature per meter")
    charged.setdefault(name, feature)
    if _mapping(meters[name]).get("aggregation") == "latest" and charge.get("mode") == "prepaid":
        message = (
            "can go down, because it keeps the `latest` value; what left a wallet does not come back: use postpaid"
        )
        yield Complaint(path, message)
    if _mapping(meters[name]).get("period") == "lifetime" and charge.get("mode") == "postpaid":
        yield Complaint(path, "adds up over a lifetime, which never ends: `postpaid` needs a period that does")


def _charge(feature: str, charge: Mapping[str, object], value: Mapping[str, object]) -> Iterator[Complaint]:
    path: Path = ("usage", feature)
    mode = charge.get("mode")
    yield from terms_complaints(path, charge)
    if charge.get("model") == "volume" and mode == "prepaid":
        message = (
            "can get cheaper with the next unit; what left a wallet does not come back: use graduated, or postpaid"
        )
        yield Complaint((*path, "model"), message)
    yield from _asset(path, charge, value)
    for key in ("on_exhausted", "low_at"):
        if key in charge and mode == "postpaid":
            yield Complaint((*path, key), "is about a wallet; `postpaid` drains none", at_key=True, meant=path)


def terms_complaints(path: Path, charge: Mapping[str, object]) -> Iterator[Complaint]:
    """Say what contradicts itself in how a quantity is to become a cost."""
    model = charge.get("model")
    if model in _NEEDS_PRICE and "price" not in charge:
        yield Complaint(path, f"lacks `price`: what one {'package' if model == 'package' else 'unit'} costs",
                        at_key=True, example={"price": "0.05"})  # fmt: skip
    if model in _NEEDS_TIERS and "tiers" not in charge:
        yield Complaint(path, f"lacks `tiers`: `{model}` is priced by them", at_key=True,
                        example={"tiers": [{"up_to": 1000, "price": "0.05"}, {"price": "0.02"}]})  # fmt: skip
    if model == "package" and "package" not in charge:
        yield Complaint(path, "lacks `package`: how many units one package has", at_key=True,
                        example={"package": 100})  # fmt: skip
    for key, models in (("price", _NEEDS_PRICE), ("tiers", _NEEDS_TIERS), ("package", ("package",))):
        if key in charge and isinstance(model, str) and model not in models:
            yield Complaint((*path, key), f"is not used by `{model}`", at_key=True, meant=path)
    yield from _tiers((*path, "tiers"), charge.get("tiers"))


def _asset(path: Path, charge: Mapping[str, object], value: Mapping[str, object]) -> Iterator[Complaint]:
    asset, assets = charge.get("asset"), list(_mapping(value.get("assets")))
    if not isinstance(asset, str) or asset in assets:
        return
    if charge.get("mode") == "prepaid":
        also = " (wallets hold virtual currencies)" if asset in real_currencies() else did_you_mean(asset, assets)
        yield Complaint((*path, "asset"), f"{show_key(asset)} is no virtual currency of this shop{also}")
    elif asset not in real_currencies():
        yield Complaint((*path, "asset"), f"{show_key(asset)} is no currency{did_you_mean(asset, assets)}")


def _tiers(path: Path, tiers: object) -> Iterator[Complaint]:
    listed: Sequence[object] = tiers if isinstance(tiers, list) else ()
    below = 0
    for index, tier in enumerate(listed):
        up_to = _mapping(tier).get("up_to")
        is_last = index == len(listed) - 1
        if is_last and up_to is not None:
            yield Complaint((*path, index, "up_to"), "must be absent: the last tier takes all that come after",
                            at_key=True, meant=(*path, index))  # fmt: skip
        elif not is_last and up_to is None:
            yield Complaint((*path, index), "lacks `up_to`: only the last tier has no end")
        elif isinstance(up_to, int) and up_to <= below:
            yield Complaint((*path, index, "up_to"), f"must be more than {below}, where the tier before ends")
        below = up_to if isinstance(up_to, int) else below


def _late(value: Mapping[str, object]) -> Iterator[Complaint]:
    late = _mapping(value.get("metering")).get("late_days", DEFAULT_LATE_DAYS)
    kept = _mapping(value.get("retention")).get("usage_ids_days", DEFAULT_USAGE_IDS_DAYS)
    if isinstance(late, int) and isinstance(kept, int) and kept <= late:
        has_kept = "usage_ids_days" in _mapping(value.get("retention"))
        path: Path = ("retention", "usage_ids_days") if has_kept else ("metering", "late_days")
        message = f"ids of usage events must be kept longer ({kept} days) than events may be late ({late} days)"
        yield Complaint(path, f"{message}: else one that comes again would count again")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
