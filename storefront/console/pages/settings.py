"""What is set up: operators, API keys, the audit trail, plugins, and what the YAML would change."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storefront.console.forms import text
from storefront.console.words import at, link, money, spoken
from storefront.core.api_keys import SCOPES, KeyKind, unknown_scope
from storefront.core.catalog import document_of, load_catalog
from storefront.core.catalog_changes import CatalogEffects, changes
from storefront.core.clock import DAY_MS
from storefront.core.config import Config, ConfigError
from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid
from storefront.core.keys import Keys
from storefront.core.operating.trail import list_actions
from storefront.core.operators.people import (
    add_operator,
    change_role,
    end_operator,
    list_operators,
    reset_codes,
    take_back_operator,
)
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
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
    Search,
    Section,
    Table,
    Tone,
)

SETTINGS, CATALOG, PLUGINS = "/console/settings", "/console/catalog", "/console/plugins"
KEYS, OPERATORS, TRAIL = f"{SETTINGS}/keys", f"{SETTINGS}/operators", f"{SETTINGS}/audit-trail"
SHOWN = 40
_KINDS = (
    ("server", "Server: may do all, or what its scopes say"),
    ("publishable", "Publishable: for game clients"),
    ("operator", "Operator: for scripts of yours"),
)
_OF_KIND = {"server": KeyKind.SERVER, "publishable": KeyKind.PUBLISHABLE, "operator": KeyKind.OPERATOR}
_ROLES = (
    ("owner", "Owner: everything"),
    ("finance", "Finance: all but keys, operators and erasing"),
    ("support", "Support: looks, notes, reviews"),
    ("read_only", "Read-only: looks"),
)
_TONES = {"active": Tone.GOOD, "quarantined": Tone.BAD, "left out": Tone.BAD}


class Settings:
    """The pages of settings; ``read`` reads the YAML anew, ``plugins`` describes the plugins as they are now."""

    def __init__(
        self,
        keys: Keys,
        *,
        read: Callable[[], Config] | None,
        plugins: Callable[[], list[dict[str, Any]]],
        effects: Sequence[CatalogEffects],
    ) -> None:
        self._keys = keys
        self._read = read
        self._plugins = plugins
        self._effects = effects

    async def show(self, asking: Asking) -> PageView:
        """Show where things are set up."""
        services, config = asking.services, asking.services.config
        lines = [
            Line("Shop", config.shop.name),
            Line("Mode", str(config.mode)),
            Line("Address", services.public_url),
            Line("Gateways", ", ".join(services.gateways) or "none"),
            Line(
                "Catalog on sale",
                services.catalogs.active.version[:12],
                url=CATALOG if asking.may("catalog:read") else None,
            ),
        ]
        ways: list[tuple[str, str, str]] = []
        if asking.may("operators:read"):
            ways.append(("Operators", OPERATORS, f"{len(await list_operators(services))}"))
        if asking.may("keys:read"):
            ways.append(("API keys", KEYS, f"{len(await self._keys.all())}"))
        if asking.may("audit:read"):
            ways.append(("Audit trail", TRAIL, "who did what"))
        ways.append(("Plugins", PLUGINS, f"{len(self._plugins())}"))
        more = Lines("Set up", [Line(label, words, url=url) for label, url, words in ways])
        hint = (
            "What the YAML says is changed in the YAML: storefront check explains it, storefront reload takes it over."
        )
        return PageView("Settings", [Lines("The shop", lines, hint=hint), more])

    async def show_keys(self, asking: Asking) -> PageView:
        """Show the API keys that were made here."""
        rows = []
        for one in await self._keys.all():
            is_dead = one["revoked_at"] is not None
            acts = [Form(f"{KEYS}/retire", "Retire", (Field("id", "id", "hidden", value=one["id"]),), tone=Tone.BAD)]
            state = Cell("Retired", tone=Tone.PLAIN) if is_dead else Cell("Valid", tone=Tone.GOOD)
            rows.append(
                Row(
                    (
                        Cell(one["name"], is_name=True, hint=one["id"]),
                        Cell(spoken(one["kind"])),
                        Cell(", ".join(one["scopes"])),
                        Cell.when(at(one["created_at"])),
                        Cell.when(at(one["expires_at"]), otherwise="never"),
                        state,
                    ),
                    acts=acts if asking.may("keys:write") and not is_dead else (),
                )
            )
        columns = (Column("Name"), Column("Kind"), Column("May"), Column("Made"), Column("Ends"), Column("State"))
        sections: list[Section] = []
        if asking.may("keys:write"):
            fields = (
                Field("name", "Name", hint="What you will know it by."),
                Field("kind", "Kind", "select", choices=_KINDS),
                Field("scopes", "Scopes", hint="With spaces between them; empty for all.", is_required=False),
                Field("days", "Ends after days", hint="Leave empty for never.", is_required=False),
            )
            sections.append(
                Form(
                    f"{KEYS}/make",
                    "Make the key",
                    fields,
                    title="Make a key…",
                    is_folded=True,
                    explains="It is shown once: only its hash is kept.",
                )
            )
        sections.append(Table("API keys", columns, rows, empty="No keys were made here yet."))
        return PageView("API keys", sections, hint="Those in the YAML are not in this list.")

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
            _OF_KIND[kind], name=form["name"], scopes=scopes, expires_at=ends, actor=asking.actor
        )
        lines = [Line("Key", made.plaintext), Line("Its id", made.record.key_id)]
        told = Lines("Copy it now", lines, hint="It is not shown again.")
        return PageView("Key made", [told, Note(Tone.INFO, "", "", Link("All keys", KEYS))])

    async def retire_key(self, asking: Asking) -> Done:
        await self._keys.revoke(asking.form["id"], actor=asking.actor)
        return Done(KEYS, "retired")

    async def show_plugins(self, asking: Asking) -> PageView:
        """Show the plugins, and which of them is in quarantine."""
        rows = [
            Row(
                (
                    Cell(one["name"], is_strong=True),
                    Cell(
                        spoken(one["state"]),
                        tone=_TONES.get(one["state"], Tone.PLAIN),
                        hint=one["reason"] or one["last_error"] or "",
                    ),
                    Cell(", ".join(one["hooks"])),
                )
            )
            for one in self._plugins()
        ]
        columns = (Column("Plugin"), Column("State"), Column("Takes part by"))
        hint = "A plugin in quarantine failed too often, and is asked no more until the next start."
        return PageView("Plugins", [Table("Plugins", columns, rows, empty="None is enabled.", hint=hint)])

    async def failing_plugins(self, _: Any) -> tuple[int, Tone]:
        return sum(1 for one in self._plugins() if one["state"] != "active"), Tone.BAD

    async def show_catalog(self, asking: Asking) -> PageView:
        """Show what is on sale, and what the YAML as it lies there would change."""
        catalog, sections = asking.services.catalogs.active, list[Section]()
        sections.append(await self._differences(asking))
        rows = [
            Row(
                (
                    Cell(sku, is_strong=True, hint=(offer.title or {}).get(catalog.default_language, "")),
                    Cell(spoken(offer.kind)),
                    Cell(_prices(asking, offer)),
                    Cell("On sale", tone=Tone.GOOD) if not offer.hidden else Cell("Not listed", tone=Tone.PLAIN),
                ),
                url=link("/console/purchases", {}, sku=sku),
            )
            for sku, offer in catalog.offers.items()
        ]
        columns = (Column("Offer"), Column("Kind"), Column("Price", is_number=True), Column("State"))
        sections.append(Table("On sale", columns, rows, empty="Nothing is on sale."))
        return PageView("Catalog", sections, hint=f"Version {catalog.version[:12]}")

    async def _differences(self, asking: Asking) -> Section:
        if self._read is None:
            return Note(Tone.INFO, "This server does not read its YAML again.", "Compare with storefront check --live.")
        try:
            wanted = await asyncio.to_thread(self._read)
        except ConfigError as wrong:
            rows = [
                Row((Cell(f"{one.file}:{one.line}:{one.column}"), Cell(one.path), Cell(one.message)))
                for one in wrong.mistakes
            ]
            return Table(
                "The YAML has mistakes: the catalog stays as it is",
                (Column("Where"), Column("What"), Column("Mistake")),
                rows,
            )
        services = asking.services
        catalog = load_catalog(*document_of(wanted))
        async with services.reader.connect() as connection:
            _, found = await connection.run_sync(lambda one: changes(one, catalog, self._effects))
        rows = []
        for one in found:
            told = [f"{part.what}: {part.before or 'none'} → {part.after or 'none'}" for part in one.differences]
            told += [effect.says for effect in one.effects]
            rows.append(
                Row(
                    (
                        Cell(spoken(one.change), tone=Tone.PLAY),
                        Cell(f"{spoken(one.about)} {one.name}"),
                        Cell("; ".join(told) or "–"),
                        Cell(str(one.open_purchases or one.owners or "–")),
                    )
                )
            )
        columns = (Column("Change"), Column("What"), Column("How"), Column("Concerns", is_number=True))
        return Table(
            "What storefront reload would change",
            columns,
            rows,
            empty="Nothing: what is on sale is what the YAML says.",
        )


async def show_operators(asking: Asking) -> PageView:
    """Show who may sign in."""
    rows = []
    for one in await list_operators(asking.services):
        proves = " + ".join(word for word, has in (("password", one.has_password), ("codes", one.has_codes)) if has)
        has_ended = one.ended_at is not None
        state = Cell("Ended", tone=Tone.PLAIN) if has_ended else Cell("May sign in", tone=Tone.GOOD)
        named = (Field("id", "id", "hidden", value=one.id),)
        acts = (
            [Form(f"{OPERATORS}/take-back", "Take back", named)]
            if has_ended
            else [
                Form(f"{OPERATORS}/link", "Sign-in link", named),
                Form(f"{OPERATORS}/reset", "Reset", named),
                Form(f"{OPERATORS}/end", "End", named, tone=Tone.BAD),
            ]
        )
        rows.append(
            Row(
                (
                    Cell(one.login, is_name=True, hint=one.id),
                    Cell(spoken(one.role)),
                    Cell(proves or "a link"),
                    Cell.when(one.created_at),
                    state,
                ),
                acts=acts if asking.may("operators:write") else (),
            )
        )
    columns = (Column("Login"), Column("Role"), Column("Signs in with"), Column("Since"), Column("State"))
    sections: list[Section] = []
    if asking.may("operators:write"):
        role = Field("role", "Role", "select", choices=_ROLES, value="support")
        sections.append(
            Form(
                f"{OPERATORS}/add",
                "Add, and show the link",
                (Field("login", "Login", hint="A name or e-mail address."), role),
                title="Add an operator…",
                is_folded=True,
            )
        )
        sections.append(
            Form(
                f"{OPERATORS}/role",
                "Change the role",
                (Field("login", "Login"), role),
                title="Change a role…",
                is_folded=True,
            )
        )
    sections.append(Table("Operators", columns, rows))
    return PageView("Operators", sections)


async def add(asking: Asking) -> PageView:
    made = await add_operator(asking.services, asking.form["login"], _role(asking), actor=asking.actor)
    return await _link_for(asking, made.id)


async def let_in(asking: Asking) -> PageView:
    return await _link_for(asking, asking.form["id"])


async def _link_for(asking: Asking, named: str) -> PageView:
    operator, code, ends = await make_link(asking.services, named, actor=asking.actor)
    url = f"{asking.services.public_url.rstrip('/')}/console/sign-in#code={code}"
    lines = [Line("Link", url), Line.when("Good once, until", ends)]
    hint = "Whoever opens it is that operator: send it on a private way. It is not shown again."
    told = Lines(f"Signs in {operator.login}", lines, hint=hint)
    return PageView("Sign-in link", [told, Note(Tone.INFO, "", "", Link("All operators", OPERATORS))])


async def give_role(asking: Asking) -> Done:
    await change_role(asking.services, asking.form["login"], _role(asking), actor=asking.actor)
    return Done(OPERATORS, "changed")


async def end(asking: Asking) -> Done:
    await end_operator(asking.services, asking.form["id"], actor=asking.actor)
    return Done(OPERATORS, "ended")


async def take_back(asking: Asking) -> Done:
    await take_back_operator(asking.services, asking.form["id"], actor=asking.actor)
    return Done(OPERATORS, "taken_back")


async def reset(asking: Asking) -> Done:
    await reset_codes(asking.services, asking.form["id"], actor=asking.actor)
    return Done(OPERATORS, "reset")


def _role(asking: Asking) -> OperatorRole:
    try:
        return OperatorRole(asking.form.get("role", ""))
    except ValueError as error:
        raise Invalid("Choose a role.", errors=[FieldError("/role", "is none of the roles")]) from error


async def show_trail(asking: Asking) -> PageView:
    """Show who did what."""
    services, query = asking.services, asking.query
    logins = {one.caller: one.login for one in await list_operators(services)}
    page = await list_actions(
        services, about=query.get("q") or None, actor=query.get("actor"), limit=SHOWN, after=query.get("after")
    )
    rows = [
        Row(
            (
                Cell.when(at(one["recorded_at"])),
                Cell(logins.get(one["actor"], one["actor"]), is_name=True),
                Cell(spoken(one["action"])),
                Cell(one["about"], url=_page_of(one["about"]), is_code=True),
                Cell(_facts(one["facts"])),
            )
        )
        for one in page["data"]
    ]
    older = None if page["next"] is None else link(TRAIL, query, after=page["next"])
    columns = (Column("When"), Column("Who"), Column("Did"), Column("About"), Column("Facts"))
    newest = link(TRAIL, query, after=None) if query.get("after") else None
    table = Table("Who did what", columns, rows, older=older, newer=newest)
    return PageView("Audit trail", [table], search=Search("Id of what it is about", query.get("q", "")))


def _page_of(about: str) -> str | None:
    prefixes = {"pur_": "/console/purchases", "cus_": "/console/customers", "whe_": "/console/webhooks"}
    return next((f"{path}/{about}" for prefix, path in prefixes.items() if about.startswith(prefix)), None)


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items() if name != "fingerprint")


def _prices(asking: Asking, offer: Offer) -> str:
    """Word an offer's prices; of those for certain countries, that they are."""
    found = [money(asking, amount, currency) for currency, amount in offer.prices.items()]
    found += [f"{money(asking, one.amount, one.currency)} {'+'.join(one.countries)}".strip() for one in offer.listed]
    return ", ".join(found) or "–"


def pages(settings: Settings) -> list[ConsolePage]:
    """Return the pages of what is set up."""
    of_keys = [
        ConsoleAct(
            "make",
            "keys:write",
            settings.make_key,
            {"name": text(100), "kind": text(20), "scopes": text(2000), "days": text(6)},
            needed=["name", "kind"],
            asks_proof=True,
        ),
        ConsoleAct(
            "retire",
            "keys:write",
            settings.retire_key,
            {"id": text(40)},
            needed=["id"],
            asks_proof=True,
            says={"retired": "Retired. It opens nothing any more."},
        ),
    ]
    one, who = {"id": text(60)}, {"login": text(100), "role": text(20)}
    of_operators = [
        ConsoleAct("add", "operators:write", add, who, needed=["login", "role"], asks_proof=True),
        ConsoleAct(
            "role",
            "operators:write",
            give_role,
            who,
            needed=["login", "role"],
            asks_proof=True,
            says={"changed": "The role is changed."},
        ),
        ConsoleAct("link", "operators:write", let_in, one, needed=["id"], asks_proof=True),
        ConsoleAct(
            "end",
            "operators:write",
            end,
            one,
            needed=["id"],
            asks_proof=True,
            says={"ended": "Ended. They are signed out everywhere."},
        ),
        ConsoleAct(
            "take-back",
            "operators:write",
            take_back,
            one,
            needed=["id"],
            asks_proof=True,
            says={"taken_back": "They may sign in again, by a link."},
        ),
        ConsoleAct(
            "reset",
            "operators:write",
            reset,
            one,
            needed=["id"],
            asks_proof=True,
            says={"reset": "Their password and codes are forgotten. Make them a link."},
        ),
    ]
    return [
        ConsolePage(CATALOG, "Catalog", "catalog:read", settings.show_catalog, group="setup", icon="tag"),
        ConsolePage(
            PLUGINS,
            "Plugins",
            "operations:read",
            settings.show_plugins,
            group="setup",
            icon="repeat",
            counts=settings.failing_plugins,
        ),
        ConsolePage(SETTINGS, "Settings", "operations:read", settings.show, group="setup", icon="gear"),
        ConsolePage(KEYS, "API keys", "keys:read", settings.show_keys, acts=of_keys),
        ConsolePage(OPERATORS, "Operators", "operators:read", show_operators, acts=of_operators),
        ConsolePage(
            TRAIL,
            "Audit trail",
            "audit:read",
            show_trail,
            query={"q": text(100), "actor": text(100), "after": text(100)},
        ),
    ]
