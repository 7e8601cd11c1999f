"""Who may sign in to the console: operators, made and ended by an owner or in the operator's shell.

Operators are few, and each hangs under an anchor of its own. One that has ended stays, because what it did names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Claim, Insert, Plan
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound
from storefront.core.ids import new_id
from storefront.core.operators.codes import OneTimeCodes, step_of
from storefront.core.operators.passwords import hash_password
from storefront.core.operators.roles import OperatorRole
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.core.tables_operators import console_sessions, operator_links, operators

OPERATORS, SESSIONS, LINKS = "operators", "console_sessions", "operator_links"
MOST_LOGIN = 100
_ID = "opr_"
_BY_LOGIN = Query(select(operators).where(operators.c.login == bindparam("login")))
_BY_ID = Query(select(operators).where(operators.c.id == bindparam("id")))
_ALL = Query(select(operators).order_by(operators.c.created_at, operators.c.id))
_OPEN = Query(
    select(console_sessions).where(
        console_sessions.c.operator_id == bindparam("operator_id"), console_sessions.c.ended_at.is_(None)
    )
)
_UNUSED = Query(
    select(operator_links).where(
        operator_links.c.operator_id == bindparam("operator_id"), operator_links.c.used_at.is_(None)
    )
)


class LastOwner(Conflict):
    code = "last_owner"
    title = "A shop keeps one owner who can sign in"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator as the console sees them; ``id`` is ``opr_…``, times are wall ms."""

    id: str
    login: str
    role: OperatorRole
    has_password: bool
    has_codes: bool
    created_at: int
    ended_at: int | None

    @classmethod
    def of(cls, row: Row) -> "Operator":
        return cls(
            id=row["id"],
            login=row["login"],
            role=OperatorRole(row["role"]),
            has_password=row["password"] is not None,
            has_codes=row["totp"] is not None,
            created_at=row["created_at"],
            ended_at=row["ended_at"],
        )

    @property
    def caller(self) -> str:
        """What audit rows, reviews and refunds call them."""
        return f"operator:{self.id}"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "login": self.login,
            "role": str(self.role),
            "password": self.has_password,
            "codes": self.has_codes,
            "created_at": iso(self.created_at),
            "ended_at": None if self.ended_at is None else iso(self.ended_at),
        }


def anchor_of(operator_id: str) -> str:
    return f"operator:{operator_id}"


async def find_by_login(services: Services, login: str) -> Row | None:
    """Return an operator's row by login alone: whoever signs in names themselves, and ids are no secret."""
    return await services.reader.first(_BY_LOGIN, login=login.strip().casefold())


async def find_row(services: Services, named: str) -> Row | None:
    """Return an operator's row by id, or by login; no login looks like an id."""
    if named.startswith(_ID):
        return await services.reader.first(_BY_ID, id=named)
    return await find_by_login(services, named)


async def need_row(services: Services, named: str) -> Row:
    """Return an operator's row by login or id; raises ``NotFound``."""
    row = await find_row(services, named)
    if row is None:
        raise NotFound(f"There is no operator {named}.")
    return row


async def list_operators(services: Services) -> list[Operator]:
    """Return all operators, also those that ended, in the order in which they came."""
    return [Operator.of(row) for row in await services.reader.all(_ALL)]


async def add_operator(services: Services, login: str, role: OperatorRole, *, actor: str) -> Operator:
    """Add an operator, who signs in first by a link; raises ``Invalid``, ``Conflict`` where the login is known."""
    name = login.strip().casefold()
    if not 1 <= len(name) <= MOST_LOGIN or not name.isprintable() or " " in name:
        message = f"must be a name or e-mail address of 1 to {MOST_LOGIN} visible characters"
        raise Invalid(f"A login {message}.", errors=[FieldError("/login", message)])
    if name.startswith(_ID):
        message = f"must not begin with {_ID}, as our own ids do"
        raise Invalid(f"A login {message}.", errors=[FieldError("/login", message)])
    operator_id, wall = new_id("opr"), services.clock.wall()
    row = {"id": operator_id, "login": name, "role": str(role), "password": None, "totp": None, "totp_step": 0,
           "created_at": wall, "ended_at": None}  # fmt: skip
    plan = Plan(actor=actor, anchors={anchor_of(operator_id)})
    plan.add(Claim(f"operator:{name}", operator_id), Insert(OPERATORS, (operator_id,), anchor_of(operator_id), row))
    note(services, plan, "operator.added", operator_id, {"role": str(role)})
    try:
        await services.engine.commit(plan)
    except Taken as taken:
        raise Conflict(f"There is an operator {name} already.") from taken
    return Operator.of(row)


async def change_role(services: Services, named: str, role: OperatorRole, *, actor: str) -> Operator:
    """Give an operator another role; it holds from the next thing they do. Raises ``LastOwner``.

    Whoever comes to handle money signs in anew: what their role asked of them before was less.
    """
    row = await need_row(services, named)
    if row["role"] != role:
        rises = role.handles_money and not OperatorRole(row["role"]).handles_money
        plan = Plan(actor=actor, anchors={anchor_of(row["id"])})
        await _keep_an_owner(services, plan, row, still=role)
        plan.add(_change(row, {"role": row["role"]}, {"role": str(role)}))
        note(services, plan, "operator.role_changed", row["id"], {"from": row["role"], "to": str(role)})
        await (_commit_and_sign_out(services, plan, row["id"]) if rises else _commit(services, plan))
    return Operator.of({**row, "role": str(role)})


async def end_operator(services: Services, named: str, *, actor: str, reason: str = "") -> Operator:
    """End an operator, for a reason that is kept: nothing of theirs signs in any more. Raises ``LastOwner``."""
    row, wall = await need_row(services, named), services.clock.wall()
    if row["ended_at"] is None:
        plan = Plan(actor=actor, anchors={anchor_of(row["id"])})
        await _keep_an_owner(services, plan, row, still=None)
        plan.add(_change(row, {"ended_at": None}, {"ended_at": wall}))
        await end_links(services, plan, row["id"])
        note(services, plan, "operator.ended", row["id"], {"reason": redact_text(reason)} if reason else {})
        await _commit_and_sign_out(services, plan, row["id"])
    return Operator.of({**row, "ended_at": row["ended_at"] or wall})


async def take_back_operator(services: Services, named: str, *, actor: str) -> Operator:
    """Let an operator who was ended sign in again, by a new link. Safe to repeat."""
    row = await need_row(services, named)
    if row["ended_at"] is not None:
        plan = Plan(actor=actor, anchors={anchor_of(row["id"])})
        plan.add(_change(row, {"ended_at": row["ended_at"]}, {"ended_at": None, "password": None, "totp": None}))
        note(services, plan, "operator.taken_back", row["id"], {})
        await _commit(services, plan)
    return Operator.of({**row, "ended_at": None, "password": None, "totp": None})


async def set_password(services: Services, operator_id: str, password: str, *, actor: str, keep: str = "") -> None:
    """Set an operator's password, and sign them out everywhere but in the session ``keep``; raises ``Invalid``."""
    row = await need_row(services, operator_id)
    hashed = await hash_password(password, login=row["login"])
    plan = Plan(actor=actor, anchors={anchor_of(operator_id)})
    plan.add(_change(row, {"password": row["password"], "ended_at": None}, {"password": hashed}))
    note(services, plan, "operator.password_set", operator_id, {})
    await _commit_and_sign_out(services, plan, operator_id, keep=keep)


async def set_codes(
    services: Services, codes: OneTimeCodes, operator_id: str, secret: str, code: str, *, actor: str, keep: str = ""
) -> None:
    """Set up one-time codes, proved by one of them; signs out everywhere but in ``keep``. Raises ``Invalid``."""
    row, wall = await need_row(services, operator_id), services.clock.wall()
    step = step_of(secret, code, wall=wall)
    if step is None:
        wrong = "is not the code that your app shows now"
        raise Invalid("The code is not right.", errors=[FieldError("/code", wrong)])
    plan = Plan(actor=actor, anchors={anchor_of(operator_id)})
    plan.add(_change(row, {"totp": row["totp"], "ended_at": None}, {"totp": codes.seal(secret), "totp_step": step}))
    note(services, plan, "operator.codes_set", operator_id, {})
    await _commit_and_sign_out(services, plan, operator_id, keep=keep)


async def reset_codes(services: Services, named: str, *, actor: str) -> Operator:
    """Forget an operator's one-time codes and password, as after a lost phone; they come back by a new link."""
    row = await need_row(services, named)
    plan = Plan(actor=actor, anchors={anchor_of(row["id"])})
    plan.add(_change(row, {"totp": row["totp"]}, {"totp": None, "password": None}))
    await end_links(services, plan, row["id"])
    note(services, plan, "operator.reset", row["id"], {})
    await _commit_and_sign_out(services, plan, row["id"])
    return Operator.of({**row, "totp": None, "password": None})


async def end_links(services: Services, plan: Plan, operator_id: str) -> None:
    """Add to a plan that the links end that an operator has not used."""
    wall = services.clock.wall()
    for link in await services.reader.all(_UNUSED, operator_id=operator_id):
        plan.add(Change(LINKS, (link["digest"],), anchor_of(operator_id), {}, {"used_at": wall}))


def note(services: Services, plan: Plan, action: str, about: str, facts: Mapping[str, Any]) -> None:
    """Add the audit row of what a plan's actor does."""
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, action, actor=plan.actor, about=about, facts=facts, now=now, wall=wall)


def _change(row: Row, expect: Mapping[str, Any], changes: Mapping[str, Any]) -> Change:
    return Change(OPERATORS, (row["id"],), anchor_of(row["id"]), expect, changes)


async def _keep_an_owner(services: Services, plan: Plan, row: Row, *, still: OperatorRole | None) -> None:
    """Add to a plan that takes an owner away that another one stays: two who end each other meet in it."""
    if row["role"] != OperatorRole.OWNER or still is OperatorRole.OWNER or row["ended_at"] is not None:
        return
    for one in await list_operators(services):
        if one.role is OperatorRole.OWNER and one.ended_at is None and one.id != row["id"]:
            as_it_is = {"role": str(OperatorRole.OWNER), "ended_at": None}
            plan.anchors.add(anchor_of(one.id))
            plan.add(Change(OPERATORS, (one.id,), anchor_of(one.id), as_it_is, as_it_is))
            return
    raise LastOwner("This is the shop's last owner. Make another one first.")


async def _commit_and_sign_out(services: Services, plan: Plan, operator_id: str, *, keep: str = "") -> None:
    """Commit a plan that also ends an operator's sessions, but for the one with the digest ``keep``.

    One may begin while the plan is made, and was not seen. None begins any more once the plan has changed the operator:
    whoever signs in goes by what they read before. So what is open then is ended after it.
    """
    await _end_sessions(services, plan, operator_id, keep)
    await _commit(services, plan)
    while True:
        rest = Plan(actor=plan.actor, anchors={anchor_of(operator_id)})
        if not await _end_sessions(services, rest, operator_id, keep):
            return
        await services.engine.commit(rest)


async def _end_sessions(services: Services, plan: Plan, operator_id: str, keep: str) -> int:
    wall, ended = services.clock.wall(), 0
    for session in await services.reader.all(_OPEN, operator_id=operator_id):
        if session["digest"] != keep:
            plan.add(Change(SESSIONS, (session["digest"],), anchor_of(operator_id), {}, {"ended_at": wall}))
            ended += 1
    return ended


async def _commit(services: Services, plan: Plan) -> None:
    try:
        await services.engine.commit(plan)
    except Stale as error:
        raise Conflict("Somebody has just changed this operator. Look again.") from error
