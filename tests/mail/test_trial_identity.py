"""One trial of a family for each person: by account, by mailbox however it is written, by card."""

import pytest

from storefront.core.identities import unaliased
from tests.shop.topping_up import save_method
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import begin, subscribe

from .conftest import give_address

OTHER = "5555 5555 5555 4444"


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada+shop@Example.com", "ada@example.com"),
        ("a.da@example.com", "a.da@example.com"),
        ("a.d.a+x+y@gmail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("+@example.com", "+@example.com"),
        ("a.da@gmail.com.", "ada@gmail.com"),
    ],
)
def test_an_address_leads_to_its_mailbox(address, mailbox):
    assert unaliased(address) == mailbox


async def test_whoever_shares_a_mailbox_or_a_card_with_somebody_who_tried_is_told_and_begins_paid(club):
    await give_address(club, "a.da@gmail.com")
    await save_method(club)
    assert (await begin(club, "tried")).json["total"]["amount"] == 0

    await give_address(club, "ada+again@googlemail.com", customer="bob")
    refused = await begin(club, "tried", customer="bob")
    assert (refused.status, refused.json["code"]) == (409, "trial_used")
    paid = await begin(club, "tried", customer="bob", trial=False)
    assert (paid.status, paid.json["total"]["amount"]) == (202, 300)

    await save_method(club, customer="cleo")
    assert (await begin(club, "tried", customer="cleo")).json["code"] == "trial_used"
    again = await begin(club, "tried", customer="bob")
    assert (again.status, again.json["code"]) == (409, "already_subscribed")
    page = await club.as_customer("cleo").get("/v1/subscriptions")
    assert page.json["data"] == []

    await give_address(club, "ad.a@example.com", customer="dan")
    await save_method(club, OTHER, customer="dan")
    assert (await begin(club, "tried", customer="dan")).json["total"]["amount"] == 0
    assert (await begin(club, "tried")).json["code"] == "already_subscribed"


async def test_a_card_that_is_saved_in_a_trial_is_known_from_then_on_and_so_is_one_that_was_forgotten(club):
    await subscribe(club, "tried")
    method = await save_method(club)
    await club.quiet()
    assert (await club.as_customer().delete(f"/v1/payment-methods/{method}")).status in (200, 204)
    await save_method(club, customer="bob")
    assert (await begin(club, "tried", customer="bob")).json["code"] == "trial_used"
    other = await save_method(club, OTHER, customer="cleo")
    await club.as_customer("cleo").delete(f"/v1/payment-methods/{other}")
    assert (await begin(club, "tried", customer="cleo")).status == 201
    await save_method(club, OTHER, customer="dan")
    assert (await begin(club, "tried", customer="dan")).json["code"] == "trial_used"


async def test_a_mailbox_told_after_a_trial_began_and_a_card_saved_after_it_was_over_are_known_too(club):
    await subscribe(club, "tried")
    await give_address(club, "ada@gmail.com")
    await club.quiet()
    await give_address(club, "a.da+2@gmail.com", customer="bob")
    assert (await begin(club, "tried", customer="bob")).json["code"] == "trial_used"
    (told, _) = club.query("SELECT payload FROM events WHERE type = 'customer.mailbox_told' ORDER BY sequence")
    assert "gmail" not in told["payload"]

    await pass_days(club, 15)
    assert (await club.as_customer().get("/v1/subscriptions")).json["data"][0]["billing_state"] == "canceled"
    await save_method(club)
    await club.quiet()
    await save_method(club, customer="cleo")
    assert (await begin(club, "tried", customer="cleo")).json["code"] == "trial_used"
