"""``storefront demo``: the whole story, against a server of its own."""

import json

import pytest

from .conftest import process

YEARS_SECONDS = 900
"""After so long the years hang; they take less than one minute of a processor."""


def test_the_demo_plays_to_its_end():
    told = process("demo", "--once")

    assert told.returncode == 0, told.stderr
    assert "ada has 500 gems" in told.stdout
    assert "409 already_owned" in told.stdout
    assert "The story holds." in told.stdout
    assert told.stderr == ""


@pytest.mark.parametrize("subscribers", [10, pytest.param(50, marks=pytest.mark.heavy)])
def test_two_years_of_subscriptions_leave_books_in_order(tmp_path, subscribers):
    flags = ("--subscribers", str(subscribers), "--years", "2", "--json")
    told = process("demo", "--subscriptions", *flags, within_seconds=YEARS_SECONDS, TMPDIR=str(tmp_path))

    assert told.returncode == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["audit"]["clean"], facts["audit"]["violations"]
    assert {"S1", "S2", "S4", "S5", "S6", "S7"} <= {check["name"] for check in facts["audit"]["checks"]}
    assert (facts["subscribers"], facts["days"], facts["funnel"]["visited"]) == (subscribers, 730, 2 * subscribers)
    funnel = facts["funnel"]
    assert subscribers >= funnel["tried"] >= funnel["paid"] >= funnel["renewed"] > 0
    usd = facts["assets"]["USD"]["months"]
    assert max(one["mrr"] for one in usd) > 0
    assert sum(one["taken"] for one in usd) > sum(one["given_back"] for one in usd)
    assert facts["done"]["outages of the gateway"] > 0
    assert facts["done"]["days that the server was down"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_figures_are_told_to_people_too(tmp_path):
    flags = ("--subscribers", "3", "--months", "2", "--seed", "7")
    told = process("demo", "--subscriptions", *flags, within_seconds=YEARS_SECONDS, TMPDIR=str(tmp_path))

    assert told.returncode == 0, told.stderr
    assert "3 subscribers, 61 days" in told.stdout
    assert "How far customers came" in told.stdout
    assert "S7-attempts" in told.stdout
    assert told.stderr == ""
