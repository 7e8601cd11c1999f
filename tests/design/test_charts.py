"""Charts: what is drawn where, for small cases by hand and for all by the rules; the table tells the same numbers."""

import datetime
import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storefront.design.charts import (
    Annotation,
    BarList,
    BarRow,
    Cohort,
    Cohorts,
    Hour,
    Hours,
    Series,
    StackedBars,
    TwoSided,
    as_table,
    bar_list,
    cohort_table,
    hour_bars,
    legend,
    sparkline,
    stacked_bars,
    two_sided_bars,
)
from storefront.design.charts.cohorts import share, tint
from storefront.design.charts.scales import scale_for
from storefront.design.charts.wording import short_amount
from storefront.design.money import format_count, format_money

FIRST = datetime.date(2026, 10, 22)
TOP, FOOT = 24, 252


def days(count: int) -> tuple[datetime.date, ...]:
    return tuple(FIRST + datetime.timedelta(days=day) for day in range(count))


def chart(*amounts: tuple[int, ...], **more) -> StackedBars:
    series = tuple(Series(f"S{number}", f"c{number}", one) for number, one in enumerate(amounts, 1))
    return StackedBars(**{"title": "Sums", "days": days(len(amounts[0])), "series": series, "unit": "EUR", **more})


def drawn(markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def bars(markup) -> list[tuple[str, ...]]:
    """Colour, x, width, y, height of each bar."""
    found = (one.attrib for one in drawn(markup).iter("rect") if re.fullmatch("c[1-6]", one.get("class", "")))
    return [(one["class"], one["x"], one["width"], one["y"], one["height"]) for one in found]


def texts(markup, name: str) -> list[str]:
    return ["".join(one.itertext()) for one in drawn(markup).iter(name)]


def cells(markup) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in drawn(markup).iter("tr")]


def test_bars_stand_on_one_another_and_refunds_hang() -> None:
    # Up to 2,000 and down to 1,000 in 228 pixels: 76 for a thousand, so zero lies at 24 + 152.
    net = chart((100_000, 0), (50_000, 100), (-20_000, -100_000))

    assert bars(stacked_bars(net)) == [
        ("c1", "21%", "8%", "100", "76"),
        ("c2", "21%", "8%", "62", "37"),
        ("c3", "21%", "8%", "176", "15"),
        ("c3", "71%", "8%", "176", "76"),
    ]
    axis = drawn(stacked_bars(net))[0]
    assert [(text.get("y"), text.text) for text in axis] == [
        ("176", "€0"),
        ("100", "€1k"),
        ("24", "€2k"),
        ("252", "−€1k"),
    ]
    assert texts(stacked_bars(net), "title") == [
        "22 Oct: €1,300.00. S1 €1,000.00, S2 €500.00, S3 −€200.00",
        "23 Oct: −€999.00. S1 €0.00, S2 €1.00, S3 −€1,000.00",
        "Average €150.50",
    ]
    mean = next(line for line in drawn(stacked_bars(net)).iter("line") if line.get("class") == "chart__mean")
    assert mean.get("y1") == "165"  # 176 − 0.1505 · 76


def test_the_table_of_a_chart_has_its_numbers_and_their_sums() -> None:
    assert cells(as_table(chart((100_000, 0), (-20_000, -1)))) == [
        ["Day", "S1", "S2", "Net"],
        ["22 Oct", "€1,000.00", "−€200.00", "€800.00"],
        ["23 Oct", "€0.00", "−€0.01", "−€0.01"],
        ["Total", "€1,000.00", "−€200.01", "€799.99"],
    ]


@pytest.mark.parametrize(
    ("above", "below", "unit", "lines"),
    [
        (164_000, 35_000, 100, (0, 100_000, 200_000)),
        (200_000, 0, 100, (0, 100_000, 200_000)),
        (300_001, 0, 100, (0, 200_000, 400_000)),
        (0, 0, 100, (0, 100, 200)),
        (1, 0, 1, (0, 1, 2)),
        (0, 30, 1, (0, -10, -20, -30)),
        (10, 9, 1, (0, 10, 20)),
        (10**15, 0, 100, (0, 5 * 10**14, 10**15)),
    ],
)
def test_grid_lines_are_round_and_three_or_four(above, below, unit, lines) -> None:
    assert scale_for(above, below, top=0, foot=100, unit=unit).lines == lines


def test_a_chart_with_links_is_a_group_and_its_table_has_them_for_the_keyboard() -> None:
    linked = chart((1, 2), links=("/day/1", "/day/2"))
    picture = drawn(stacked_bars(linked))
    assert picture.get("role") == "group"
    assert [(one.get("href"), one.get("tabindex")) for one in picture.iter("a")] == [("/day/1", "-1"), ("/day/2", "-1")]
    assert [one.get("href") for one in drawn(as_table(linked)).iter("a")] == ["/day/1", "/day/2"]
    plain = drawn(stacked_bars(chart((1, 2))))
    assert (plain.get("role"), plain.get("aria-label")) == ("img", "Sums")


def test_a_series_of_other_days_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2 days, but series or links of \[2, 3\]"):
        chart((1, 2), (1, 2, 3))
    with pytest.raises(ValueError, match="links"):
        chart((1, 2), links=("/only-one",))


@pytest.mark.parametrize(
    ("count", "wide", "phone"),
    [
        (1, "22 Oct", "22 Oct"),
        (7, "22 Oct, 23 Oct, 24 Oct, 25 Oct, 26 Oct, 27 Oct, 28 Oct", "22 Oct, 24 Oct, 26 Oct, 28 Oct"),
        (30, "22 Oct, 29 Oct, 5 Nov, 12 Nov, 19 Nov", "22 Oct, 5 Nov, 19 Nov"),
        (90, "22 Oct, 5 Nov, 19 Nov, 3 Dec, 17 Dec, 31 Dec, 14 Jan", "22 Oct, 19 Nov, 17 Dec, 14 Jan"),
        (366, "22 Oct, 17 Dec, 11 Feb, 8 Apr, 3 Jun, 29 Jul, 23 Sept", "22 Oct, 11 Feb, 3 Jun, 23 Sept"),
    ],
)
def test_dates_stand_a_week_or_more_apart_and_are_fewer_on_a_phone(count, wide, phone) -> None:
    picture = drawn(stacked_bars(chart((100,) * count)))
    found = {
        group.get("class"): ", ".join(text.text for text in group)
        for group in picture.iter("g")
        if "dates" in group.get("class", "")
    }
    assert found == {"chart__dates chart__dates--wide": wide, "chart__dates chart__dates--phone": phone}


@pytest.mark.parametrize(("at", "anchor"), [(0, "start"), (4, "middle"), (8, "end")])
def test_an_annotation_is_where_there_is_room_and_ends_above_its_bar(at, anchor) -> None:
    picture = drawn(
        stacked_bars(chart((130_000,) * 9, annotation=Annotation(days(9)[at], "The day of the great launch!")))
    )
    note = next(group for group in picture.iter("g") if group.get("class") == "chart__note")
    assert [child.tag for child in note] == ["title", "text", "text", "line"]
    assert (note[1].text, note[1].get("text-anchor")) == ("The day of the great launch!", anchor)
    assert (note[2].text, note[2].get("text-anchor")) == ("The day of the…", anchor)
    assert note[3].get("y2") == "51"  # the bar's upper edge is at 54: 20 of 150 below the frame's

    longer = stacked_bars(chart((1,), annotation=Annotation(FIRST, "The day of the greatest launch of all")))
    assert "The day of the greatest lau…" in str(longer)
    assert "<title>The day of the greatest launch of all</title>" in str(longer)


def test_what_people_wrote_is_text() -> None:
    odd = '<script>"&'
    for markup in (
        stacked_bars(chart((1,), title=odd, annotation=Annotation(FIRST, odd))),
        bar_list(BarList(odd, (BarRow(odd, 1, odd),), "EUR")),
        two_sided_bars(TwoSided(odd, (BarRow(odd, 1),), (), "gems")),
        hour_bars(Hours(odd, (Hour(odd, 1, 0),))),
        cohort_table(Cohorts(odd, (Cohort(odd, 1, ()),))),
        as_table(BarList(odd, (BarRow(odd, 1, odd),), "EUR")),
    ):
        assert "<script" not in markup
        assert "style=" not in markup
        drawn(markup)


def test_the_legend_names_each_colour_and_the_mean() -> None:
    assert re.findall(r'class="([^"]+)" (?:width|x2)', legend(chart((1,), (2,)))) == ["c1", "c2", "chart__mean"]
    assert texts(legend(chart((1,), (2,), shows_mean=False)), "li") == ["S1", "S2"]


def test_a_sparkline_goes_from_its_lowest_to_its_highest() -> None:
    points = re.findall(r'<polyline[^>]* points="([^"]+)"', sparkline([1, 3, Fraction(5, 2), -1]))
    assert points == ["0,16 67,2 133,6 200,30"]
    assert 'points="0,16 200,16"' in sparkline([7, 7])
    assert sparkline([7]) == sparkline([]) == ""


def test_bars_beside_words_are_as_long_as_their_share() -> None:
    rows = (BarRow("Tips", 206_500, "/tips"), BarRow("Gifted", 118_000), BarRow("Back", -1), BarRow("Nothing", 0))
    listed = BarList("Fan funding", rows, "EUR")
    found = [(one.get("class"), one.get("width")) for one in drawn(bar_list(listed)).iter("rect")]
    assert found[1::2] == [("c2", "1000"), ("c2", "571"), ("c6", "1"), ("c2", "0")]
    assert found[::2] == [("track", "1000")] * 4
    assert cells(as_table(listed))[1:] == [
        ["Tips", "€2,065.00"],
        ["Gifted", "€1,180.00"],
        ["Back", "−€0.01"],
        ["Nothing", "€0.00"],
        ["Total", "€3,244.99"],
    ]
    assert "<ul" in bar_list(BarList("None", (), "EUR"))


def test_both_sides_share_one_scale() -> None:
    flows = TwoSided(
        "Gems", (BarRow("Bought", 1_280_000), BarRow("Promos", 412_000)), (BarRow("Items", 640_000),), "gems"
    )
    assert [one.get("width") for one in drawn(two_sided_bars(flows)).iter("rect")] == ["1000", "500", "322"]
    assert texts(two_sided_bars(flows), "b") == ["1.69M", "640k", "1.28M", "640k", "412k"]
    assert [one.get("title") for one in drawn(two_sided_bars(flows)).iter("b")][:2] == ["1,692,000", "640,000"]
    assert cells(as_table(flows)) == [
        ["Name", "In", "Out"],
        ["Bought", "1,280,000", ""],
        ["Promos", "412,000", ""],
        ["Items", "", "640,000"],
        ["Total", "1,692,000", "640,000"],
    ]


def test_a_failing_hour_is_red_and_taller() -> None:
    hours = Hours("game-prod", (Hour("22:00", 40, 0), Hour("23:00", 37, 3), Hour("00:00", 0, 0)))
    found = [
        tuple(one.get(name) for name in ("class", "x", "y", "height")) for one in drawn(hour_bars(hours)).iter("rect")
    ]
    assert found == [
        ("hours__good", "0", "6", "18"),
        ("hours__failed", "4", "0", "24"),
        ("hours__none", "8", "22", "2"),
    ]
    assert drawn(hour_bars(hours)).get("aria-label") == "game-prod: 1 of 3 hours with failures"
    assert cells(as_table(hours))[-1] == ["Total", "77", "3"]


def test_cohorts_have_one_scale_and_few_people_no_share() -> None:
    steps = [tint(percent) for percent in (0, 43, 44, 51, 52, 59, 60, 67, 68, 79, 80, 89, 90, 100)]
    assert steps == [f"h{step}" for step in range(7) for _ in (0, 1)]
    assert [share(1, 3), share(1, 200), share(1, 201), share(0, 0), share(5, 5)] == [33, 1, 0, 0, 100]

    chart = Cohorts(
        "Still paying", (Cohort("Apr", 212, (176, 89)), Cohort("Sep", 19, (18,)), Cohort("Nov", 463, ())), 2
    )
    assert cells(cohort_table(chart)) == [
        ["Joined", "People", "mo 1", "2"],
        ["Apr", "212", "83", "42"],
        ["Sep", "19", "few", ""],
        ["Nov", "463", "", ""],
    ]
    assert re.findall(r'<td class="(h\d)" title="([^"]+)"', cohort_table(chart)) == [
        ("h5", "176 of 212"),
        ("h0", "89 of 212"),
    ]
    assert cells(as_table(chart))[1:] == [["Apr", "212", "176", "89"], ["Sep", "19", "18", ""], ["Nov", "463", "", ""]]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ["€0", "€0.50", "€500", "€1k", "€1.5k", "−€2k", "€2M"]),
        ("de", ["0 €", "0,50 €", "500 €", "1.000 €", "1.500 €", "−2.000 €", "2 Mio. €"]),
        ("fr", ["0 €", "0,50 €", "500 €", "1 k €", "1,5 k €", "−2 k €", "2 M €"]),
    ],
)
def test_an_axis_speaks_the_readers_language(locale, words) -> None:
    amounts = (0, 50, 50_000, 100_000, 150_000, -200_000, 200_000_000)
    assert [short_amount(one, "EUR", locale).replace("\N{NO-BREAK SPACE}", " ") for one in amounts] == words
    assert short_amount(1_500_000, "KWD", "en") == "KWD\N{NO-BREAK SPACE}1.5k"
    assert short_amount(1_500, "JPY", "en") == "¥1.5k"


UNITS = {"EUR": 100, "JPY": 1, "KWD": 1000, "gems": 1}
AMOUNT = st.integers(-(10**15), 10**15) | st.integers(-300, 300)


@st.composite
def charts(draw) -> StackedBars:
    count = draw(st.sampled_from((1, 2, 7, 30)))
    names = draw(st.integers(1, 4))
    series = (draw(st.lists(AMOUNT, min_size=count, max_size=count)) for _ in range(names))
    return chart(*map(tuple, series), unit=draw(st.sampled_from(list(UNITS))))


@given(charts())
@example(chart((0,) * 366))
@example(chart((7, -5, 10**9) * 122, (-3, 0, 12_345) * 122))
@example(chart((-1,)))
@example(chart((10**15, 1)))
def test_all_numbers_are_told_and_no_bar_leaves_the_frame(some: StackedBars) -> None:
    def words(amount: int) -> str:
        return format_count(amount) if some.unit == "gems" else format_money(amount, some.unit)

    markup = stacked_bars(some)
    titles = texts(markup, "title")
    table = cells(as_table(some))
    for at in range(len(some.days)):
        amounts = [one.amounts[at] for one in some.series]
        assert titles[at].endswith(": " + words(sum(amounts)) + ". " + ", ".join(
            f"S{number} {words(amount)}" for number, amount in enumerate(amounts, 1)
        ))  # fmt: skip
        assert table[at + 1][1:] == [words(amount) for amount in (*amounts, sum(amounts))]
    assert table[-1][1:] == [words(sum(one.amounts)) for one in some.series] + [words(sum(some.totals))]

    picture = drawn(markup)
    labels = picture[0]
    assert labels[0].text == short_amount(0, some.unit, "en")
    assert 3 <= len(labels) <= 4
    zero = int(labels[0].get("y"))
    for _, x, width, y, height in bars(markup):
        assert float(x[:-1]) >= 0
        assert float(x[:-1]) + float(width[:-1]) <= 100.001
        assert int(y) >= TOP
        assert int(y) + int(height) <= FOOT
        assert int(height) > 0
        assert int(y) + int(height) <= zero or int(y) >= zero, "no bar crosses the zero line"

    # Each part is as high as its share of the frame, but for a rounding at both edges and a gap to its neighbour.
    above = max(sum(max(0, one.amounts[at]) for one in some.series) for at in range(len(some.days)))
    below = max(-sum(min(0, one.amounts[at]) for one in some.series) for at in range(len(some.days)))
    scale = scale_for(above, below, top=TOP, foot=FOOT, unit=UNITS[some.unit])
    per_pixel = Fraction(scale.highest - scale.lowest, FOOT - TOP)
    grounds = [group for group in picture.iter("g") if group.get("class") == "chart__day"]
    for at, group in enumerate(grounds):
        height = sum(int(one.get("height")) for one in group.iter("rect")) - (FOOT - TOP)
        wanted = sum(abs(one.amounts[at]) for one in some.series) / per_pixel
        assert abs(height - wanted) <= 2 * len(some.series)
