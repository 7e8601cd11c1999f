"""Operators: who may sign in, with which role, and the links that let them in."""

from collections.abc import Awaitable, Callable
from functools import partial

from storefront.console.forms import text
from storefront.console.words import KEPT, spoken
from storefront.core.errors import FieldError, Invalid
from storefront.core.operators.people import (
    Operator,
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
    Section,
    Sure,
    Table,
    Tone,
)

PATH = "/console/settings/operators"
_ROLES = (
    ("owner", "Owner: everything"),
    ("finance", "Finance: all but keys, operators and erasing"),
    ("support", "Support: looks, notes, reviews"),
    ("read_only", "Read-only: looks"),
)


_VERBS = {
    "add": "Add the operator",
    "role": "Change the role of",
    "link": "Make a sign-in link for",
    "end": "End the operator",
    "take-back": "Take back the operator",
    "reset": "Forget password and codes of",
}


async def show_operators(asking: Asking) -> PageView:
    """Show who may sign in."""
    may_change = asking.may("operators:write")
    rows = [_row(one, may_change=may_change) for one in await list_operators(asking.services)]
    columns = (Column("Login"), Column("Role"), Column("Signs in with"), Column("Since"), Column("State"))
    sections: list[Section] = [*(_forms() if may_change else ()), Table("Operators", columns, rows)]
    return PageView("Operators", sections)


def _row(one: Operator, *, may_change: bool) -> Row:
    proves = " + ".join(word for word, has in (("password", one.has_password), ("codes", one.has_codes)) if has)
    has_ended = one.ended_at is not None
    cells = (
        Cell(one.login, is_name=True, hint=one.id),
        Cell(spoken(one.role)),
        Cell(proves or "a link"),
        Cell.when(one.created_at),
        Cell("Ended", tone=Tone.PLAIN) if has_ended else Cell("May sign in", tone=Tone.GOOD),
    )
    if not may_change:
        return Row(cells)
    named = (Field("id", "id", "hidden", value=one.id),)
    if has_ended:
        return Row(cells, acts=[Form(f"{PATH}/take-back", "Take back", named)])
    acts = [
        Form(f"{PATH}/link", "Sign-in link", named),
        Form(f"{PATH}/reset", "Reset", named),
        Form(f"{PATH}/end", "End", named, tone=Tone.BAD),
    ]
    return Row(cells, acts=acts)


def _forms() -> list[Form]:
    role = Field("role", "Role", "select", choices=_ROLES, value="support")
    named = Field("login", "Login", hint="A name or e-mail address.")
    return [
        Form(f"{PATH}/add", "Add, and show the link", (named, role), title="Add an operator…", is_folded=True),
        Form(
            f"{PATH}/role", "Change the role", (Field("login", "Login"), role), title="Change a role…", is_folded=True
        ),
    ]


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
    return PageView("Sign-in link", [told, Note(Tone.INFO, "", "", Link("All operators", PATH))])


async def give_role(asking: Asking) -> Done:
    await change_role(asking.services, asking.form["login"], _role(asking), actor=asking.actor)
    return Done(PATH, "changed")


async def end(asking: Asking) -> Done:
    await end_operator(asking.services, asking.form["id"], actor=asking.actor, reason=asking.form["reason"])
    return Done(PATH, "ended")


async def take_back(asking: Asking) -> Done:
    await take_back_operator(asking.services, asking.form["id"], actor=asking.actor)
    return Done(PATH, "taken_back")


async def reset(asking: Asking) -> Done:
    await reset_codes(asking.services, asking.form["id"], actor=asking.actor)
    return Done(PATH, "reset")


async def _words(verb: str, asking: Asking) -> str:
    """Return what an act does to whom, by the login that people know."""
    named = str(asking.form.get("login") or asking.form["id"])
    login = next((one.login for one in await list_operators(asking.services) if one.id == named), named)
    return f"{verb} {login}" + (f" ({spoken(asking.form['role'])})" if asking.form.get("role") else "")


def _role(asking: Asking) -> OperatorRole:
    try:
        return OperatorRole(asking.form.get("role", ""))
    except ValueError as error:
        raise Invalid("Choose a role.", errors=[FieldError("/role", "is none of the roles")]) from error


def pages() -> list[ConsolePage]:
    """Return the page of operators."""
    one, who = {"id": text(60)}, {"login": text(100), "role": text(20)}
    ended = {**one, "reason": text(500)}
    sure = Sure("They are signed out everywhere, at once.", [Field("reason", "Reason", hint=KEPT)])

    def act(name: str, do: Callable[[Asking], Awaitable[Done | PageView]], **says: str) -> ConsoleAct:
        fields = who if name in ("add", "role") else ended if name == "end" else one
        words = partial(_words, _VERBS[name])
        asks = sure if name == "end" else None
        return ConsoleAct(
            name, "operators:write", do, fields, needed=list(fields), asks_proof=True, says=says, sure=asks, words=words
        )

    acts = [
        act("add", add),
        act("role", give_role, changed="The role is changed."),
        act("link", let_in),
        act("end", end, ended="Ended. They are signed out everywhere."),
        act("take-back", take_back, taken_back="They may sign in again, by a link."),
        act("reset", reset, reset="Their password and codes are forgotten. Make them a link."),
    ]
    return [ConsolePage(PATH, "Operators", "operators:read", show_operators, acts=acts)]
