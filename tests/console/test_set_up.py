"""Settings, the audit trail and what gateways told: where links lead, and what a link on keeps."""

import re

from storefront.console.pages.told_by_gateways import SHOWN as TOLD
from storefront.console.pages.trail import SHOWN as DONE
from storefront.core.operators.people import list_operators

KEYS = "/console/settings/keys"


def links_of(seen):
    """Return address -> what its link says, of a page's main part."""
    main = seen.markup.partition("<main")[2]
    found = re.findall(r'<a[^>]* href="([^"]+)"[^>]*>(.*?)</a>', main, re.DOTALL)
    return {address.replace("&amp;", "&"): re.sub(r"<[^>]+>", "", words).strip() for address, words in found}


async def test_links_of_the_settings_say_where_they_lead(shop, signed_in):
    owner = await signed_in(shop, "owner")
    said = links_of(await owner.get("/console/settings"))
    assert said["/console/settings/operators"] == "1 operator"
    assert said[KEYS] == "3 keys in the YAML, 0 made here"
    assert said["/console/plugins"] == "1 plugin"
    assert said["/console/catalog"].startswith("Version ")
    await owner.send(KEYS, f"{KEYS}/make", name="one", kind="server")
    assert links_of(await owner.get("/console/settings"))[KEYS] == "3 keys in the YAML, 1 made here"
    assert [words for words in said.values() if words.isdigit()] == []


async def test_the_audit_trail_of_one_operator_stays_theirs_when_it_is_searched_and_goes_on(shop, signed_in):
    await shop.session("ada")
    [customer] = shop.query("SELECT id FROM customers")
    page, support = f"/console/customers/{customer['id']}", await signed_in(shop, "support")
    for number in range(DONE + 1):
        await support.send(page, f"{page}/note", note=f"Note {number}.")
    owner = await signed_in(shop, "owner")
    [actor] = [one.caller for one in await list_operators(shop.parts.services) if one.login == support.login]
    here = f"/console/settings/audit-trail?actor={actor}"
    seen = await owner.get(here)
    assert f'<input type="hidden" name="actor" value="{actor}">' in seen.markup
    [older] = [address for address, words in links_of(seen).items() if words == "Older"]
    rest = await owner.get(f"/console/settings/audit-trail{older.partition('/audit-trail')[2]}")
    assert "Operator signed in" in rest.text
    assert owner.login not in rest.text.partition("Who did what")[2].partition("Signed in as")[0]
    [newest] = [address for address, words in links_of(rest).items() if words == "Newer"]
    assert f"actor={actor}".replace(":", "%3A") in newest.replace(":", "%3A")


async def test_what_gateways_told_stays_narrowed_on_the_way_back(shop, signed_in):
    for number in range(TOLD + 1):
        await shop.bought("gems-500", key=f"b{number}")
    await shop.quiet()
    reader = await signed_in(shop, "read_only")
    seen = await reader.get("/console/webhooks?inbox=processed")
    [older] = [address for address, words in links_of(seen).items() if words == "Older"]
    back = await reader.get(older)
    [newer] = [address for address, words in links_of(back).items() if words == "Newer"]
    assert newer == "/console/webhooks?inbox=processed"


async def test_the_audit_trail_words_its_facts(shop, signed_in):
    owner = await signed_in(shop, "owner")
    await owner.send(KEYS, f"{KEYS}/make", name="one", kind="server", scopes="usage:read usage:write")
    seen = await owner.get("/console/settings/audit-trail")
    assert "scopes: usage:read usage:write" in seen.text
    assert not re.search(r"\[|\]|\bNone\b|\bTrue\b|\bFalse\b", seen.text)
