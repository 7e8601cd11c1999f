"""Refusals are classes, by the server's code."""

import pytest
from storefront_sdk import (
    Forbidden,
    Invalid,
    LimitReached,
    NotEnoughItems,
    NotFound,
    PriceChanged,
    SoldOut,
    StorefrontError,
    Unauthorized,
    UnknownOffer,
)
from storefront_sdk.errors import error_from

from storefront.web.errors import ERRORS


async def test_refusals_of_the_shop_are_told_apart(shop, server, ada):
    with pytest.raises(UnknownOffer) as unknown:
        await ada.purchase("dragon")
    assert (unknown.value.code, unknown.value.status) == ("unknown_offer", 422)
    with pytest.raises(Invalid) as invalid:
        await ada.purchase("potion", quantity=0)
    assert [wrong["pointer"] for wrong in invalid.value.errors] == ["/quantity"]
    with pytest.raises(PriceChanged):
        await ada.purchase("potion", expected_price=(14, "gems"))
    with pytest.raises(LimitReached):
        await ada.purchase("key", quantity=6)
    await ada.purchase("lantern")
    await shop.bought("gems-500", customer="bob")
    with pytest.raises(SoldOut):
        await server.purchase("lantern", customer="bob")
    with pytest.raises(NotEnoughItems) as few:
        await server.consume("potion", customer="ada")
    assert few.value.facts["available"] == 0
    assert shop.balance("customer:ada:gems") == 490


async def test_credentials_are_told_apart(shop, server, client, ada):
    foreign = await server.purchase("gems-500", customer="bob")
    with pytest.raises(NotFound):
        await ada.get_purchase(foreign)
    async with client(token="not-a-token") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.me()
    async with client(key="pk_sandbox_demo") as player:
        with pytest.raises(Forbidden):
            await player.sessions.create("ada")


async def test_a_secret_is_in_no_text_of_the_sdk(shop, server):
    session = await server.sessions.create("ada")
    assert session.token not in repr(session)
    assert "sk_sandbox_demo" not in repr(server)


@pytest.mark.parametrize("doc", ERRORS, ids=lambda doc: doc.code)
def test_every_documented_code_has_a_class(doc):
    error = error_from(doc.status, {"code": doc.code, "detail": "So it is.", "spare": 1})
    assert type(error) is not StorefrontError
    assert (error.code, error.status, error.facts) == (doc.code, doc.status, {"spare": 1})


def test_a_code_of_a_later_release_is_told_by_its_status():
    error = error_from(409, {"code": "wrong_moon", "title": "The moon is wrong", "request_id": "req_1"})
    assert type(error).__name__ == "Conflict"
    assert str(error) == "The moon is wrong [wrong_moon] (request req_1)"
