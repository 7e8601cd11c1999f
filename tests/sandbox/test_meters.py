"""Billing meters: events counted once, within their window, summed up by customer."""

import pytest
import stripe

START = 1_800_000_000  # the clock's first second
MINUTE = START // 60 * 60


@pytest.fixture
async def meter(api):
    return await api.v1.billing.meters.create_async(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )


@pytest.fixture
async def customer(api):
    return (await api.v1.customers.create_async({"email": "ada@example.org"})).id


async def count(api, customer, value="1", **more):
    payload = {"stripe_customer_id": customer, "value": value}
    return await api.v1.billing.meter_events.create_async({"event_name": "calls", "payload": payload, **more})


async def total(api, meter, customer, **more):
    window = {"start_time": MINUTE - 3600, "end_time": MINUTE + 3600}
    page = await api.v1.billing.meters.event_summaries.list_async(meter.id, {"customer": customer, **window, **more})
    return [summary.aggregated_value for summary in page.data]


async def test_events_are_summed_up_for_their_customer(api, meter, customer):
    other = (await api.v1.customers.create_async({})).id

    event = await count(api, customer, "25", identifier="e1")
    await count(api, customer, "0.5")
    await count(api, other, "7")

    assert (event.identifier, event.payload["value"], event.timestamp) == ("e1", "25", START)
    assert await total(api, meter, customer) == [25.5]
    assert await total(api, meter, other) == [7]
    assert await total(api, meter, "cus_nobody") == []


async def test_an_identifier_counts_once_a_day(api, box, clock, meter, customer):
    await count(api, customer, identifier="e1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await count(api, customer, identifier="e1")
    assert (refused.value.code, refused.value.param) == ("duplicate_meter_event", "identifier")
    clock.now_ms += 24 * 3600 * 1000

    await count(api, customer, identifier="e1", timestamp=START)

    assert await total(api, meter, customer) == [2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"timestamp": START - 35 * 86_400 - 1}, "timestamp_too_far_in_past"),
        ({"timestamp": START + 301}, "timestamp_in_future"),
        ({"event_name": "steps"}, "no_meter"),
        ({"payload": {"value": "1"}}, "meter_event_no_customer_defined"),
        ({"payload": {"stripe_customer_id": "cus_nobody", "value": "1"}}, "meter_event_customer_not_found"),
        ({"payload": {"stripe_customer_id": "?"}}, "meter_event_value_not_found"),
        ({"payload": {"stripe_customer_id": "?", "value": "many"}}, "meter_event_invalid_value"),
        ({"payload": {"stripe_customer_id": "?", "value": "NaN"}}, "meter_event_invalid_value"),
        ({"colour": "red"}, "parameter_unknown"),
    ],
)
async def test_a_bad_event_is_refused(api, meter, customer, change, code):
    payload = {"stripe_customer_id": customer, "value": "1"}
    wanted = {"event_name": "calls", "payload": payload, **change}
    if wanted["payload"].get("stripe_customer_id") == "?":
        wanted["payload"] = {**wanted["payload"], "stripe_customer_id": customer}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.billing.meter_events.create_async(wanted)

    assert refused.value.code == code
    assert await total(api, meter, customer) == []


async def test_the_edges_of_the_time_window_are_taken(api, meter, customer):
    await count(api, customer, timestamp=START - 35 * 86_400)
    await count(api, customer, timestamp=START + 300)

    assert await total(api, meter, customer) == [1]


async def test_a_canceled_event_no_longer_counts(api, meter, customer):
    await count(api, customer, "3", identifier="e1")
    await count(api, customer, "4", identifier="e2")
    wanted = {"type": "cancel", "event_name": "calls", "cancel": {"identifier": "e1"}}

    adjustment = await api.v1.billing.meter_event_adjustments.create_async(wanted)

    assert (adjustment.status, adjustment.cancel.identifier) == ("complete", "e1")
    assert await total(api, meter, customer) == [4]
    with pytest.raises(stripe.InvalidRequestError, match="canceled already"):
        await api.v1.billing.meter_event_adjustments.create_async(wanted)
    with pytest.raises(stripe.InvalidRequestError, match="No such meter event"):
        await api.v1.billing.meter_event_adjustments.create_async({**wanted, "cancel": {"identifier": "e9"}})


async def test_sums_are_grouped_by_hour_newest_first(api, meter, customer):
    hour = START // 3600 * 3600
    for timestamp, value in ((hour - 3600, "1"), (hour - 1, "2"), (hour, "4")):
        await count(api, customer, value, timestamp=timestamp)
    window = {"start_time": hour - 7200, "end_time": hour + 3600, "value_grouping_window": "hour"}

    assert await total(api, meter, customer, **window) == [4, 3]
    assert await total(api, meter, customer, **window, limit=1) == [4]
    with pytest.raises(stripe.InvalidRequestError, match="multiples of 3600"):
        await total(api, meter, customer, **{**window, "start_time": hour - 60})


@pytest.mark.parametrize(("formula", "answer"), [("count", 2), ("last", 4)])
async def test_other_formulas(api, customer, formula, answer):
    meter = await api.v1.billing.meters.create_async(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": formula}}
    )
    await count(api, customer, "4")
    await count(api, customer, "3", timestamp=START - 60)

    assert await total(api, meter, customer) == [answer]


async def test_a_meter_that_is_deactivated_takes_no_events(api, meter, customer):
    with pytest.raises(stripe.InvalidRequestError, match="already an active meter"):
        await api.v1.billing.meters.create_async(
            {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
        )
    off = await api.v1.billing.meters.deactivate_async(meter.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await count(api, customer)
    assert (off.status, refused.value.code) == ("inactive", "archived_meter")

    await api.v1.billing.meters.reactivate_async(meter.id)
    await count(api, customer)

    assert (await api.v1.billing.meters.update_async(meter.id, {"display_name": "C"})).display_name == "C"
    assert [found.id for found in (await api.v1.billing.meters.list_async({"status": "active"})).data] == [meter.id]
    events = (await api.v1.events.list_async({"limit": 10})).data
    assert [event.type.removeprefix("billing.meter.") for event in events if "meter" in event.type] == [
        "updated", "reactivated", "deactivated", "created",
    ]  # fmt: skip
