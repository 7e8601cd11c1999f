"""API keys: those that were made here, made and retired."""

from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.words import KEPT, at, counted, spoken
from storefront.core.api_keys import SCOPES, KeyKind, unknown_scope
from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid
from storefront.core.keys import Keys
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Field,
    Form,
    Line,
    Lines,
    Link,
    Note,
    PageView,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)

PATH = "/console/settings/keys"
_KINDS = (
    ("server", "Server: may do all, or what its scopes say"),
    ("publishable", "Publishable: for game clients"),
    ("operator", "Operator: for scripts of yours"),
)
_OF_KIND = {"server": KeyKind.SERVER, "publishable": KeyKind.PUBLISHABLE, "operator": KeyKind.OPERATOR}


class KeysPage:
    """The page of API keys, and what is done there."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def show(self, asking: Asking) -> PageView:
        """Show the API keys that were made here."""
        may_change = asking.may("keys:write")
        rows = [_row(one, may_change=may_change) for one in await self._keys.all()]
        columns = (Column("Name"), Column("Kind"), Column("May"), Column("Made"), Column("Ends"), Column("State"))
        table = Table("API keys", columns, rows, empty="No keys were made here yet.")
        written = len(asking.services.config.keys)
        sections: list[Section] = [_form(), table] if may_change else [table]
        return PageView("API keys", sections, hint=f"Beside {counted(written, 'key')} in the YAML")

    async def make_key(self, asking: Asking) -> PageView:
        """Make a key, and show it this once."""
        form = asking.form
        kind, scopes = form.get("kind", ""), form.get("scopes", "").replace(",", " ").split() or ["*"]
        if kind not in _OF_KIND:
            raise Invalid("Choose a kind.", errors=[FieldError("/kind", "is none of the kinds")])
        unknown = unknown_scope(scopes, asking.services.config.plugins)
        if unknown is not None:
            wrong = f"knows no {unknown}; there are {', '.join(sorted(SCOPES))}, those of plugins, and *"
            raise Invalid(f"There is no scope called {unknown}.", errors=[FieldError("/scopes", wrong)])
        days = form.get("days")
        if days is not None and not (days.isascii() and days.isdigit() and 1 <= int(days) <= 3650):
            raise Invalid("This is no number of days.", errors=[FieldError("/days", "must be 1 to 3650")])
        ends = None if days is None else asking.services.clock.wall() + int(days) * DAY_MS
        made = await self._keys.create(
            _OF_KIND[kind], name=form["name"], scopes=scopes, expires_at=ends, actor=asking.actor, form=asking.key
        )
        lines = [Line("Key", made.plaintext), Line("Its id", made.record.key_id)]
        told = Lines("Copy it now", lines, hint="It is not shown again.")
        return PageView("Key made", [told, Note(Tone.INFO, "", "", Link("All keys", PATH))])

    async def retire_key(self, asking: Asking) -> Done:
        await self._keys.revoke(asking.form["id"], actor=asking.actor, reason=asking.form["reason"])
        return Done(PATH, "retired")

    async def retire_words(self, asking: Asking) -> str:
        found = [one["name"] for one in await self._keys.all() if one["id"] == asking.form["id"]]
        return f"Retire the key {found[0] if found else asking.form['id']}"


async def make_words(asking: Asking) -> str:
    return f"Make the key {asking.form['name']}"


def _row(one: Mapping[str, Any], *, may_change: bool) -> Row:
    is_dead = one["revoked_at"] is not None
    cells = (
        Cell(one["name"], is_name=True, hint=one["id"]),
        Cell(spoken(one["kind"])),
        Cell(", ".join(one["scopes"])),
        Cell.when(at(one["created_at"])),
        Cell.when(at(one["expires_at"]), otherwise="never"),
        Cell("Retired", tone=Tone.PLAIN) if is_dead else Cell("Valid", tone=Tone.GOOD),
    )
    named = (Field("id", "id", "hidden", value=one["id"]),)
    acts = [Form(f"{PATH}/retire", "Retire", named, tone=Tone.BAD)] if may_change and not is_dead else []
    return Row(cells, acts=acts)


def _form() -> Form:
    fields = (
        Field("name", "Name", hint="What you will know it by."),
        Field("kind", "Kind", "select", choices=_KINDS),
        Field("scopes", "Scopes", hint="With spaces between them; empty for all.", is_required=False),
        Field("days", "Ends after days", hint="Leave empty for never.", is_required=False),
    )
    explains = "It is shown once: only its hash is kept."
    return Form(f"{PATH}/make", "Make the key", fields, title="Make a key…", is_folded=True, explains=explains)


def pages(keys: Keys) -> list[ConsolePage]:
    """Return the page of API keys."""
    page, fields = KeysPage(keys), {"name": text(100), "kind": text(20), "scopes": text(2000), "days": text(6)}
    one = {"id": text(40), "reason": text(500)}
    sure = Sure("What uses it stops working at once, for good.", [Field("reason", "Reason", hint=KEPT)])
    says = {"retired": "Retired. It opens nothing any more."}
    acts = [
        ConsoleAct(
            "make", "keys:write", page.make_key, fields, needed=["name", "kind"], asks_proof=True, words=make_words
        ),
        ConsoleAct(
            "retire",
            "keys:write",
            page.retire_key,
            one,
            needed=["id", "reason"],
            asks_proof=True,
            says=says,
            sure=sure,
            words=page.retire_words,
        ),
    ]
    return [ConsolePage(PATH, "API keys", "keys:read", page.show, acts=acts)]
