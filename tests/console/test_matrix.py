"""Every route of the console × everybody: who may is written down in ``matrix.txt``, and nobody else may.

``STOREFRONT_MATRIX=write pytest tests/console/test_matrix.py`` writes the table anew: read it before it is committed.
"""

import os
import re
from pathlib import Path

import pytest

from storefront.core.ids import new_id
from storefront.core.operators.people import end_operator
from storefront.testing import OPERATOR_KEY

from .visiting import SHELL, Visitor, example_shop, routes_of, signed_in

TABLE = Path(__file__).with_name("matrix.txt")
EVERYBODY = ("nobody", "customer", "ak_key", "ended", "expired", "read_only", "support", "finance", "owner")
OUTSIDERS = EVERYBODY[:5]


@pytest.fixture
async def shop(tmp_path):
    async with example_shop(tmp_path) as running:
        yield running


@pytest.fixture
async def everybody(shop):
    """One browser of each sort."""
    found = {name: Visitor(shop) for name in ("nobody", "customer", "ak_key")}
    found["customer"].cookies["storefront_session"] = token = await shop.session("ada")
    found["customer"].cookies["storefront_console"] = token
    found["expired"] = await signed_in(shop, "owner", "expired@example.com")
    shop.wall.move(1800)
    for name in ("ended", "owner"):
        found[name] = await signed_in(shop, "owner", f"{name}@example.com")
    await end_operator(shop.parts.services, "ended@example.com", actor=SHELL)
    for name in ("finance", "support", "read_only"):
        found[name] = await signed_in(shop, name)
    return found


async def asked(who, visitor, csrf, route, path):
    """Return what somebody's request to a route comes to, in a word."""
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"} if who == "ak_key" else {}
    if route.startswith("GET "):
        page = await visitor.get(path, **headers)
    else:
        page = await visitor.post(path, {"csrf": csrf, "key": new_id("key")}, **headers)
    assert page.status < 500, (route, who, page.says)
    if page.to is not None and page.to.startswith("/console/sign-in"):
        return "sign-in"
    return "no" if page.status in (401, 403) else "may"


async def test_who_may_what_is_what_is_written_down(shop, everybody):
    routes, rows = await routes_of(shop), []
    csrf = {name: await everybody[name].csrf() for name in EVERYBODY[5:]}
    for route, path in routes.items():
        if route == "POST /console/sign-out":
            continue  # it ends each one's session; see test_forms.py
        words = [await asked(name, everybody[name], csrf.get(name, "0" * 64), route, path) for name in EVERYBODY]
        rows.append(f"{route:54} {' '.join(f'{word:9}' for word in words)}".rstrip())
    table = "\n".join([f"{'':54} {' '.join(f'{name:9}' for name in EVERYBODY)}".rstrip(), *rows, ""])
    if os.environ.get("STOREFRONT_MATRIX") == "write":
        TABLE.write_text(table)
    assert table == TABLE.read_text()


def test_nobody_from_outside_may_anything_but_sign_in_and_each_role_may_all_that_the_next_one_may():
    head, *rows = TABLE.read_text().splitlines()
    assert tuple(head.split()) == EVERYBODY
    for row in rows:
        _, path, *words = row.split()
        may = dict(zip(EVERYBODY, words, strict=True))
        if not path.startswith("/console/sign-in"):
            assert "may" not in {may[name] for name in OUTSIDERS}, row
        ranks = [may[name] == "may" for name in ("read_only", "support", "finance", "owner")]
        assert ranks == sorted(ranks), row
        assert ranks[3], row


async def test_nobody_is_offered_what_they_may_not(shop):
    await shop.bought("gems-500")
    await shop.bearing(OPERATOR_KEY).post("/v1/webhook-endpoints", {"url": "https://a.example/in"})
    await shop.quiet()
    may = {}
    for row in TABLE.read_text().splitlines()[1:]:
        method, path, *words = row.split()
        if method == "POST":
            may[re.compile(re.sub(r"\{\w+\}", "[^/]+", path))] = dict(zip(EVERYBODY, words, strict=True))
    offered = {}
    for role in EVERYBODY[5:]:
        actions = await found_by_walking(await signed_in(shop, role)) - {"/console/sign-out"}
        for action in actions:
            assert {word[role] for path, word in may.items() if path.fullmatch(action)} == {"may"}, (role, action)
        offered[role] = len(actions)
    assert offered["read_only"] < offered["support"] < offered["finance"] < offered["owner"], offered


async def found_by_walking(visitor):
    """Follow every link of the console once, and return where the forms of all those pages are sent."""
    todo, actions = ["/console"], set()
    for path in todo:
        page = await visitor.get(path)
        assert page.status == 200, (path, page.says)
        actions |= set(re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page.html))
        links = re.findall(r'href="(/console[^"?#]*)', page.html)
        todo.extend(one for one in dict.fromkeys(links) if one not in todo and "/exports/" not in one)
    return actions
