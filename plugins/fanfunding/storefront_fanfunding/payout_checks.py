"""What no schema can say of payouts: a gateway that is not there, and creators whose account nobody names."""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront_fanfunding.config_schema import TRANSFERRING

_HERE = ("plugins", "fanfunding")


def check_payouts(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of payouts through a gateway that the shop does not have, or to nobody knows where."""
    section, gateways = _inside(_inside(value, "plugins"), "fanfunding"), _inside(value, "gateways")
    common = section.get("payout")
    yield from _without_gateway(common, gateways, (*_HERE, "payout"))
    for name, told in _inside(section, "creators").items():
        own = told if isinstance(told, dict) else {}
        yield from _without_gateway(own.get("payout"), gateways, (*_HERE, "creators", name, "payout"))
        pay_with = own.get("payout", common)
        if pay_with in TRANSFERRING and "account" not in own:
            message = f"is paid through {pay_with}, and has no `account:` there"
            example = {name: {"account": "acct_1NkR4aBcDeFgHiJk"}}
            yield Complaint((*_HERE, "creators", name), message, at_key=True, example=example)


def _without_gateway(pay_with: object, gateways: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Complaint]:
    if pay_with in TRANSFERRING and pay_with not in gateways:
        yield Complaint(path, f"is no gateway of this shop: `gateways:` has no `{pay_with}`")


def _inside(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
