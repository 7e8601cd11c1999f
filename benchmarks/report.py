"""The report: a table in the terminal, JSON, and ``docs/performance.md`` with its charts."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.charts import Bar, draw
from benchmarks.measures import Measure

COLUMNS = ("", "measured", "p50 ms", "p99 ms", "ratio", "of", "aim", "")
HOW, MACHINE = "How to read it", "The machine"
_HEAD_OF_FACTS = "| | |\n|---|---|\n"
HOW_TO_READ = f"""# Performance

Written by `make bench REPORT=1`; do not edit. `make bench` prints the same table for your own machine.

## {HOW}

Absolute figures say what one machine did on one day. What carries over is the **ratio**: every figure stands
beside a floor that was measured in the same run, on the same disk, under the same disturbance.

- The *empty handler* is an aiohttp application that answers `{{}}`: what HTTP alone costs here.
- The *raw replay* is the database driver writing, in batches of the same size, exactly the rows that the engine
  wrote, with the same guards and the same durability, its parameters prepared beforehand: what the database costs.
- *pgbench* calls one PL/pgSQL function that takes the same lock, makes the same checks and writes the same rows.

All purchases are real ones, with credentials, validation, hooks, a limit, items and events switched on; every commit
is durable before its answer is sent. The load generator, the server and PostgreSQL share the machine's cores.
A ratio marked "at most" compares times: less is better there.
"""


def show(measures: Sequence[Measure], machine: Mapping[str, str]) -> None:
    """Print the report as a table."""
    table = Table(title=", ".join(f"{name} {value}" for name, value in machine.items()))
    for at, title in enumerate(COLUMNS):
        table.add_column(title, justify="left" if at in (0, 5, 7) else "right")
    for section, group in _sections(measures):
        table.add_section()
        table.add_row(f"[bold]{section}")
        for one in group:
            table.add_row(*_cells(one))
    Console(width=150).print(table)


def write(folder: Path, measures: Sequence[Measure], machine: Mapping[str, str], *, is_whole: bool) -> None:
    """Write ``performance.md`` into ``folder``, and a chart of each section beside it.

    Sections that were not measured stay as they are, unless the run is ``is_whole``. One that was measured alone says
    what was different from the machine of the others then.
    """
    charts, file = folder / "performance", folder / "performance.md"
    charts.mkdir(exist_ok=True)
    known = {} if is_whole or not file.is_file() else _parts_of(file.read_text())
    parts = {MACHINE: known.get(MACHINE) or f"{_HEAD_OF_FACTS}{_rows_of(machine)}\n"}
    parts |= {title: text for title, text in known.items() if title not in (MACHINE, HOW)}
    apart = [f"{name} {value}" for name, value in machine.items() if f"| {name} | {value} |" not in parts[MACHINE]]
    for section, group in _sections(measures):
        parts[section] = _section(charts, section, group, apart)
    texts = [HOW_TO_READ, *(f"## {title}\n\n{text}" for title, text in parts.items())]
    file.write_text("\n".join(texts))


def _section(charts: Path, section: str, group: Sequence[Measure], apart: Sequence[str]) -> str:
    """Draw a section's chart and return its text below the title."""
    name, parts = section.lower().replace(" ", "-"), list[str]()
    if apart:
        parts.append(f"Measured in a run of its own: {', '.join(apart)}.\n")
    chart = _chart(section, group)
    if chart:
        (charts / f"{name}.svg").write_text(chart)
        parts.append(f"![{section}](performance/{name}.svg)\n")
    rows = "\n".join("| " + " | ".join(_cells(one)) + " |" for one in group)
    parts.append(f"| | measured | p50 ms | p99 ms | ratio | of | aim | |\n|---|--:|--:|--:|--:|---|--:|---|\n{rows}\n")
    return "\n".join(parts)


def _parts_of(text: str) -> dict[str, str]:
    """Return title -> what stands below it, of a report that was written earlier."""
    parts = (part.partition("\n") for part in text.split("\n## ")[1:])
    return {title: below.strip("\n") + "\n" for title, _, below in parts}


def _rows_of(facts: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in facts.items())


def as_json(measures: Sequence[Measure], machine: Mapping[str, str]) -> dict[str, Any]:
    """Return the report as JSON: ``{"machine": …, "measures": […]}``."""
    names = Measure.__dataclass_fields__
    found = [{**{name: getattr(one, name) for name in names}, "is_reached": one.is_reached} for one in measures]
    return {"machine": dict(machine), "measures": found}


def _sections(measures: Sequence[Measure]) -> list[tuple[str, list[Measure]]]:
    return [(section, list(group)) for section, group in groupby(measures, key=lambda one: one.section)]


def _cells(one: Measure) -> list[str]:
    aim = "" if one.aim is None else f"{'at most' if one.is_most else 'at least'} {one.aim:g}"
    reached = {None: "", True: "reached", False: "not reached"}[one.is_reached]
    times = ["" if time is None else f"{time:.2f}" for time in (one.p50_ms, one.p99_ms)]
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    return [one.what, f"{_number(one.value)} {one.unit}".strip(), *times, ratio, one.floor, aim, reached]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def _chart(section: str, group: Sequence[Measure]) -> str | None:
    """Draw what of a section is measured in its most frequent unit, if that is worth a picture."""
    units = [one.unit for one in group]
    unit = max(units, key=units.count)
    drawn = [one for one in group if one.unit == unit]
    if len(drawn) < 2:
        return None
    bars = []
    for one in drawn:
        aim = one.value / one.ratio * one.aim if one.aim is not None and one.ratio else None
        label = one.what if len(one.what) <= 42 else f"{one.what[:41]}…"
        bars.append(Bar(label, one.value, _number(one.value), is_floor=one.ratio is None, aim=aim))
    return draw(section, unit, bars)
