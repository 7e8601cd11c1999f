"""Account links: the way to the hosted form on which a connected account says who it is."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.accounts import finish_onboarding
from storefront.sandbox.operations import Operation
from storefront.sandbox.params import (
    EXPAND,
    Checked,
    Choice,
    Object,
    Required,
    Text,
    Url,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

VALID_SECONDS = 300


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    account = world.get("account", params["account"], param="account")
    token = new_id("link", 24)
    link: Body = {
        "object": "account_link",
        "created": world.now,
        "expires_at": world.now + VALID_SECONDS,
        "url": f"{world.public_url}/onboard/{token}",
    }
    ways = {name: params.get(name) for name in ("refresh_url", "return_url")}
    world.insert({**link, "id": token}, hidden={"account": account["id"], **ways})
    return link


def answer(world: World, token: str, action: str | None) -> tuple[Body | None, str | None]:
    """The account behind a link, and the address to go to, if any; ``finish`` or ``refuse`` ends the form.

    A link works once and for five minutes; later it leads to its ``refresh_url``. ``None, None`` is an unknown one.
    """
    link = world.records.find("account_link", token)
    if link is None:
        return None, None
    hidden = world.records.hidden(token)
    account = world.records.find("account", hidden["account"])
    if account is None or hidden.get("is_used") or world.now >= link["expires_at"]:
        return account, hidden["refresh_url"]
    if action is None:
        return account, None
    world.records.save(link, hidden={**hidden, "is_used": True})
    return finish_onboarding(world, account["id"], is_accepted=action == "finish"), hidden["return_url"]


OPERATIONS = (
    Operation("POST", "account_links", {
        "account": Required(Text()),
        "collect": Choice(("currently_due", "eventually_due")),
        "collection_options": Object({
            "fields": Choice(("currently_due", "eventually_due")),
            "future_requirements": Choice(("include", "omit")),
        }),
        "refresh_url": Required(Url()),
        "return_url": Required(Url()),
        "type": Required(Choice(("account_onboarding", "account_update"))),
        **EXPAND,
    }, _create),
)  # fmt: skip
