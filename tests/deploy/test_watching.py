"""What Prometheus' rules and Grafana's dashboard read is really told by a shop, and every alert says where help is."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.promql import read

from .conftest import DEPLOY, ROOT, Told

RULES = [
    rule for group in yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((DEPLOY / "grafana/storefront.json").read_text())
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
OF_PROMETHEUS = {"job", "instance"}
"""Labels that a scrape adds."""
SCRAPED = {"up": OF_PROMETHEUS}


def panels() -> Iterator[dict]:
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> Iterator[tuple[str, str]]:
    """Yield where an expression stands, and the expression as Prometheus gets it."""
    yield from ((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES)
    shown = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    shown += [(one["name"], one["expr"]) for one in DASHBOARD["annotations"]["list"]]
    for title, expression in shown:
        yield title, expression.replace("$__rate_interval", "5m").replace("$job", ".*")


def wrong_with(told: Told, expression: str) -> list[str]:
    """Return what an expression reads that no shop tells."""
    found, wrong, known = read(expression), [], set(OF_PROMETHEUS)
    for name, matchers in found.series:
        if name in SCRAPED:
            continue
        if name in RECORDED:
            known |= read(RECORDED[name]).grouped
            continue
        if name not in told.names:
            wrong.append(f"nothing tells {name}")
            continue
        labels = {label for found, labels in told.values if found == name for label, _ in labels}
        known |= labels
        for one in matchers:
            if one.label in OF_PROMETHEUS:
                continue
            if one.label not in labels:
                wrong.append(f"{name} has no label {one.label}")
            elif one.label != "status" and not any(one.takes(value) for value in told.values_of(name, one.label)):
                wrong.append(f"no {name} has {one.label}{one.operator}{one.value!r}")
    return [*wrong, *(f"nothing has the label {label}" for label in sorted(found.grouped - known))]


def test_every_series_and_label_that_is_watched_is_told_by_a_shop(told):
    wrong = [f"{where}: {what}" for where, expression in expressions() for what in wrong_with(told, expression)]
    assert wrong == []
    watched = {name for _, expression in expressions() for name, _ in read(expression).series}
    unwatched = {name for name in told.names if name.startswith("storefront_")} - watched
    # The sums of histograms, and what tells processes apart.
    assert unwatched == {
        "storefront_http_request_seconds_count",
        "storefront_http_request_seconds_sum",
        "storefront_process",
    }


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("sum by (job) (rate(storefront_purchase[5m])) > 0", "nothing tells storefront_purchase"),
        ('max(storefront_inbox_events{shelf="received"})', "storefront_inbox_events has no label shelf"),
        (
            'max(storefront_inbox_events{state=~"lost|stolen"})',
            "no storefront_inbox_events has state=~'lost|stolen'",
        ),
        (
            'sum(storefront_http_requests_total{route="/v1/buy"})',
            "no storefront_http_requests_total has route='/v1/buy'",
        ),
        ("max by (job, colour) (storefront_jobs_dead)", "nothing has the label colour"),
    ],
)
def test_what_no_shop_tells_is_seen(told, expression, wrong):
    assert wrong_with(told, expression) == [wrong]


def test_every_alert_waits_a_sane_time_and_names_a_section_that_there_is():
    assert len(ALERTS) >= 30
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert rule["annotations"]["summary"], rule
        assert re.fullmatch(r"\d+[mhd]", rule.get("for", "0m")), rule
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.M)
        assert anchor in {anchor_of(heading) for heading in headings}, (rule["alert"], page, anchor)


@pytest.mark.parametrize("page", ["docs/deploying.md", "docs/upgrading-and-backups.md"])
def test_the_guides_lead_nowhere_in_vain_and_name_only_metrics_and_files_that_there_are(told, page):
    text = (ROOT / page).read_text()
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        if anchor:
            assert anchor in {anchor_of(found) for found in re.findall(r"^#+ (.+)$", file.read_text(), re.M)}, anchor
    named = {name for name in re.findall(r"\bstorefront_[a-z_]+[a-z]\b", text) if not name.endswith("_edge")}
    assert [name for name in named if not any(one.startswith(name) for one in told.names)] == []
    files = re.findall(r"\bdeploy/[\w./-]*\w", text)
    assert [name for name in files if not (ROOT / name).exists()] == []


def anchor_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_dashboard_shows_what_money_costs_first_and_asks_the_chosen_prometheus():
    titles = [panel["title"] for panel in panels()]
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows[:2] == ["Money", "Payments"]
    assert rows[-2:] == ["Engine", "Process"]
    assert {"Cost per transaction", "Time to clear"} < set(titles)
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["description"], panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"]), panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert [one["type"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "query"]


def test_no_two_panels_lie_over_each_other():
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
        assert all(x < 24 for x, _ in cells), panel["title"]
        assert [taken[cell] for cell in cells if cell in taken] == [], panel["title"]
        taken |= dict.fromkeys(cells, panel["title"])
