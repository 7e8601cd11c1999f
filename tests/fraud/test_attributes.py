"""Attributes that come from elsewhere: creators of tips, recipients of gifts, countries of addresses."""

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, give

from .screened import decisions, is_neutral_refusal, shop_with

COUNTRIES = "10.0.0.0,10.255.255.255,DE\n127.0.0.0,127.255.255.255,AT\n2001:db8::,2001:db8:ffff::,FR\n"


async def test_tips_are_counted_by_their_creator(data_folder, database_url):
    section = """
  fraud:
    rates: {gems: "1", EUR: "1"}
    rules:
      - {id: flood, do: block, when: "kind == 'tip' && velocity.creator.count_1h > 2"}
      - {id: theirs, do: review, when: "creator.id == 'nobody' || caller == 'shop'"}
"""
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(
        data_folder, FAN_SHOP.replace("  fanfunding:", section.strip("\n") + "\n  fanfunding:")
    ) as shop:
        answers = [await give(shop, 500) for _ in range(3)]
        assert [answer.status for answer in answers] == [202, 202, 403]
        assert answers[2].json["code"] == "purchase_refused"
        told = decisions(shop)[-1]
        assert told["identity"]["creator"] == "luna"
        assert (told["attributes"]["creator.id"], told["attributes"]["kind"]) == ("luna", "tip")
        assert told["attributes"]["caller"] == "guest"
        assert told["attributes"]["velocity.creator.count_1h"] == 3


async def test_gifts_and_addresses_tell_of_their_recipient_and_country(data_folder, database_url):
    rules = """
{id: gift, do: block, when: "recipient.is_other && recipient.age_days < 1 && quantity > 1"}
{id: from-home, do: allow, when: "ip.country == 'AT' && sku == 'chest'", mode: shadow}
{id: abroad, do: block, when: "ip.country in ['DE', 'FR']"}
{id: newcomer, do: review, when: "customer.age_minutes > 100", mode: shadow}
"""
    (data_folder / "countries.csv").write_text(COUNTRIES)
    text = shop_with(rules, ip_countries="countries.csv")
    async with running_shop(data_folder, text, database=database_url) as shop:
        await shop.bought("gems-500")
        await shop.session("bob")
        body = {"sku": "potion", "customer": "ada", "recipient": "bob", "quantity": 2}
        one = await shop.as_server().post("/v1/purchases", body, key="gift")
        assert is_neutral_refusal(one), one
        gift = decisions(shop)[-1]["attributes"]
        assert (gift["recipient.is_other"], gift["recipient.id"], gift["recipient.age_days"]) == (True, "bob", 0)
        assert gift["caller"] == "server"
        assert "ip.address" not in gift  # of what a server asks, the buyer's address is not known
        chest = await shop.buy("chest")
        assert chest.status == 202
        told = decisions(shop)[-1]
        assert (told["attributes"]["ip.address"], told["attributes"]["ip.country"]) == ("127.0.0.1", "AT")
        assert [one["rule"] for one in told["matches"]] == ["from-home"]
