"""One list: what is on it, until when and why; more is put on it for a while or until it is taken off."""

import re
from typing import Any

from storefront.core.errors import FieldError, Invalid
from storefront.core.redaction import redact_text
from storefront.pages.lists import at
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    Done,
    Field,
    Form,
    PageView,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)
from storefront_fraud.config import Settings
from storefront_fraud.console.words import LISTS, WRITE
from storefront_fraud.lists import add_to_list, duration_of, remove_from_list, show_list

LONGEST, MOST = 200, 100
SHOWN = 500
_ADD = {
    "values": {"type": "string", "maxLength": MOST * (LONGEST + 2)},
    "reason": {"type": "string", "maxLength": LONGEST},
    "for": {"type": "string", "maxLength": 8},
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ListPage:
    """The page of a list, and what is done there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def show(self, asking: Asking) -> PageView:
        name = asking.path["list"]
        told = (await show_list(asking.services, self._settings, name))["data"]
        rows = [self._row(asking, name, one) for one in told[:SHOWN]]
        columns = (Column("Value"), Column("Why"), Column("By"), Column("Since"), Column("Until"))
        hint = f"The first {SHOWN:,} of {len(told):,}." if len(told) > SHOWN else ""
        table = Table(name, columns, rows, empty="Nothing is on it.", hint=hint)
        return PageView(name, [table], detail=self._forms(asking, name), hint="List of fraud")

    def _row(self, asking: Asking, name: str, one: dict[str, Any]) -> Row:
        acts: list[Form] = []
        is_written = one["actor"] == "config"
        if asking.may(WRITE) and not is_written:
            value = (Field("value", "value", "hidden", value=one["value"]),)
            acts = [Form(f"{LISTS}/{name}/remove", "Take off", value, tone=Tone.BAD)]
        cells = (
            Cell(one["value"], is_name=True),
            Cell(one["reason"], is_name=True),
            Cell(one["actor"], is_code=True),
            Cell.when(at(one["created_at"])),
            Cell.when(at(one["expires_at"]), otherwise="for good" if is_written else "taken off"),
        )
        return Row(cells, acts=acts)

    def _forms(self, asking: Asking, name: str) -> list[Section]:
        if not asking.may(WRITE):
            return []
        fields = (
            Field("values", "Values", "textarea", hint="One a line.", longest=MOST * (LONGEST + 2)),
            Field("reason", "Reason", hint="Kept with them. No names or addresses.", longest=LONGEST),
            Field("for", "For how long", hint="Like 90m, 12h or 30d. Empty: until taken off.", is_required=False,
                  longest=8),
        )  # fmt: skip
        return [Form(f"{LISTS}/{name}/add", "Put on the list", fields, title="Add")]

    async def add(self, asking: Asking) -> Done:
        form, name = asking.form, asking.path["list"]
        ends = None if form.get("for") is None else duration_of(form["for"])
        await add_to_list(asking.services, self._settings, name, _values(form["values"]),
                          reason=redact_text(form["reason"]), actor=asking.actor, for_ms=ends)  # fmt: skip
        return Done(f"{LISTS}/{name}", "added")

    async def remove(self, asking: Asking) -> Done:
        name = asking.path["list"]
        await remove_from_list(asking.services, self._settings, name, [asking.form["value"]], actor=asking.actor)
        return Done(f"{LISTS}/{name}", "removed")

    def acts(self) -> list[ConsoleAct]:
        return [
            ConsoleAct("add", WRITE, self.add, _ADD, needed=["values", "reason"], says={"added": "It is on the list."}),
            ConsoleAct("remove", WRITE, self.remove, {"value": {"type": "string", "maxLength": LONGEST}},
                       needed=["value"], says={"removed": "It is off the list."},
                       sure=Sure("No rule finds it there any more, from now on."), words=_remove_words),
        ]  # fmt: skip


async def _remove_words(asking: Asking) -> str:
    return f"Take {asking.form['value']} off the list {asking.path['list']}"


def _values(text: str) -> list[str]:
    """Read values, one a line; raises ``Invalid`` for what the route would not take either."""
    found = [line.strip() for line in text.split("\n") if line.strip()]
    if len(found) > MOST or any(len(one) > LONGEST or _CONTROL.search(one) for one in found):
        wrong = f"must be at most {MOST} lines of at most {LONGEST} characters"
        raise Invalid(f"The values {wrong}.", errors=[FieldError("/values", wrong)])
    return found
