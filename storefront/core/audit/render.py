"""An audit's report for people, in a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from storefront.core.audit.check import NEEDS_DEEP, NotYet
from storefront.core.audit.report import Report, Sealing

_MOST_SHOWN_PER_CHECK = 10


def render(report: Report) -> RenderableType:
    """Return what ``storefront audit verify`` prints: checks, what they found, what was not checked."""
    parts: list[RenderableType] = [_checks(report)]
    if report.violations:
        parts += [Text(), *_violations(report)]
    if report.not_yet:
        parts += [Text(), Text("Not checked", style="bold"), *_not_checked(report.not_yet)]
    return Group(*parts, Text(), *_sealing(report.sealing), _summary(report))


def _checks(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    table.add_column(justify="right", style="dim")
    for check in report.checks:
        sign = Text("✓", style="green") if check.has_passed else Text("✗", style="bold red")
        duration = f"{check.milliseconds:,} ms"
        title = Text(check.title)
        if not check.has_passed:
            title.append(f"  {check.violations:,} violation{'s' if check.violations > 1 else ''}", style="red")
        table.add_row(sign, check.name, title, duration)
    return table


def _violations(report: Report) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for check in report.checks:
        found = [violation for violation in report.violations if violation.check == check.name]
        for violation in found[:_MOST_SHOWN_PER_CHECK]:
            lines.append(Text.assemble((f"{check.name}  ", "bold red"), violation.message))
        hidden = check.violations - min(len(found), _MOST_SHOWN_PER_CHECK)
        if hidden > 0:
            lines.append(Text(f"{check.name}  … and {hidden:,} more", style="red"))
    return lines


def _not_checked(not_yet: tuple[NotYet, ...]) -> list[RenderableType]:
    """Return a line per reason with the checks that it holds for; ``--json`` has their titles too."""
    names: dict[str, list[str]] = {}
    for one in not_yet:
        names.setdefault(one.reason, []).append(one.name)
    deep = len(names.pop(NEEDS_DEEP, ()))
    lines = [f"{deep} more check{'s run' if deep > 1 else ' runs'} with --deep"] if deep else []
    lines += [f"{', '.join(found)}: {reason}" for reason, found in names.items()]
    return [Text(f"– {line}", style="dim") for line in lines]


def _sealing(sealing: Sealing | None) -> list[RenderableType]:
    if sealing is None:
        return []
    seals = f"{sealing.seals:,} seal{'s' if sealing.seals != 1 else ''}"
    said = f"{sealing.sealed_entries:,} entries are sealed, in {seals}"
    if sealing.unsealed_entries:
        said += f"; {sealing.unsealed_entries:,} are not yet, the oldest for {sealing.oldest_unsealed_seconds:,} s"
    return [Text(f"{said}.", style="dim")]


def _summary(report: Report) -> Text:
    shown = [name for name in ("entries", "transfers", "purchases", "events") if name in report.counts]
    looked_at = ", ".join(f"{report.counts[name]:,} {name}" for name in shown)
    ran = len(report.checks)
    if report.is_clean:
        return Text(f"The books are in order: {ran} checks over {looked_at}.", style="bold green")
    failed = sum(not check.has_passed for check in report.checks)
    return Text(f"The books are NOT in order: {failed} of {ran} checks failed, over {looked_at}.", style="bold red")
