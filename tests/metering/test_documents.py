"""The quick way through a usage report reads what the careful one reads, and nothing that it would not."""

import json
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storefront.core.config.model_usage import Aggregation, Meter
from storefront.core.errors import Malformed
from storefront.core.usage.events import CloudEvent, read_events
from storefront.web.strict_json import parse_exactly
from storefront.web.usage_documents import parse_events

from .metered_shop import cloud_event

NOW = 1_800_000_000_000
METERS = {
    meter.event_type: [(meter.key, meter)]
    for meter in (
        Meter("calls", "api.call", Aggregation.COUNT),
        Meter("voice", "voice.minute", Aggregation.SUM, "minutes"),
        Meter("players", "login", Aggregation.UNIQUE, "player"),
        Meter("eu", "eu", Aggregation.COUNT, filters={"region": ("eu", "1.5", "true")}),
    )
}
ORDINARY = [
    cloud_event(1, time=NOW),
    cloud_event(2, "voice.minute", minutes=0.1, note='a "b": {c} \\ d'),
    {**cloud_event(3, "login", player=12_345_678_901_234_567_890), "datacontenttype": "application/json"},
    {**cloud_event(4), "data": None, "time": None, "dataschema": "https://example.com/schema"},
]
texts = st.text(max_size=12) | st.sampled_from(["", " ", 'a":b', "{", "\0", "1.5", "eu", "ada", "😀", "9" * 40])
numbers = st.integers(-(10**35), 10**35) | st.decimals(allow_nan=False, allow_infinity=False, places=4).map(float)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "region", "traceparent"])
data = st.dictionaries(st.sampled_from(["minutes", "player", "region", "note"]), values, max_size=3)
attributes = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": texts, "source": st.just("/game"), "subject": texts,
     "type": st.sampled_from([*METERS, "other"])},
    optional={"time": st.sampled_from(["2027-01-15T08:00:00Z", "2027-01-15T08:00:00.5+01:00", "soon"]), "data": data},
)  # fmt: skip
events = attributes | st.builds(lambda event, more: {**event, **more}, attributes, st.dictionaries(names, values))


def judged(parse, body):
    """Return what a report comes to: its readings and rejections, or that it is malformed."""
    try:
        documents = parse(body)
    except Malformed as malformed:
        return type(malformed), malformed.detail
    if not isinstance(documents, list):
        return documents
    return asdict(read_events(documents, METERS, now=NOW, late_days=35))


@given(st.lists(events, max_size=4), st.booleans(), st.sampled_from([None, 1]), st.sampled_from([None, (",", " : ")]))
@example(ORDINARY, False, None, None)
@example([cloud_event(1, "login", player=10**32 + 1), cloud_event(2, "login", player=-(10**30) - 7)], False, None, None)
def test_both_ways_come_to_the_same(told, is_ascii, indent, separators):
    body = json.dumps(told, ensure_ascii=is_ascii, indent=indent, separators=separators).encode()

    assert judged(parse_events, body) == judged(parse_exactly, body)


@pytest.mark.parametrize("event", ORDINARY, ids=lambda event: str(event["id"]))
def test_ordinary_events_take_the_quick_way(event):
    quick = parse_events(json.dumps([event] * 100).encode())

    is_quick = "note" not in (event.get("data") or {})
    assert {type(one) is CloudEvent for one in quick} == {is_quick}


WHOLE = json.dumps(cloud_event(1, "voice.minute", minutes=1))[:-1]


@pytest.mark.parametrize(
    "more",
    [
        ', "id": "other"}',
        ', "id" : "other"}',
        ', "id"\t\n: "other"}',
        ', "\\u0069d": "other"}',
        ', "data": {"minutes": 1, "minutes": 2}}',
        ', "traceparent": {"a": 1, "a": 2}}',
        ', "traceparent": "00-1", "traceparent" : "00-2"}',
        ', "time": "2027-01-15T08:00:00Z", "time" : "2027-01-15T08:00:00Z"}',
        ', "dataschema": "a\\":b"}',
        ', "dataschema": "\\ud800"}',
        ', "dataschema": "\\u0000"}',
        ', "dataschema": 1e99}',
        ', "dataschema": NaN}',
        ', "subject": "x" ,}',
    ],
)
def test_what_two_parsers_could_read_differently_is_left_to_the_careful_one(more):
    body = f"[{WHOLE}{more}]".encode()

    assert judged(parse_events, body) == judged(parse_exactly, body)
