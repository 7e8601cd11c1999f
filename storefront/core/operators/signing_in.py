"""How operators sign in, and the sessions of the console (ASVS 5.0, 7.x).

Three ways in: login, password and one-time code; a link from the operator's shell, good once; an OpenID provider that
the YAML names. A session ends 12 hours after it began, 30 minutes after it was used last, or at once when its operator
ends, gets another password, or signs out. Times are the machine's.
"""

import hmac
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import bindparam, select

from storefront.core.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from storefront.core.commit.outcome import LimitReached, Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import FieldError, Forbidden, Invalid, TooManyRequests, Unauthorized
from storefront.core.operators.codes import OneTimeCodes
from storefront.core.operators.passwords import verify_password
from storefront.core.operators.people import (
    LINKS,
    OPERATORS,
    SESSIONS,
    Operator,
    anchor_of,
    end_links,
    find_by_login,
    need_row,
    note,
)
from storefront.core.operators.roles import OperatorRole, scopes_of
from storefront.core.principals import Principal, Role
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables_operators import console_sessions, operator_links, operators

OPEN_MS, IDLE_MS, LINK_MS = 12 * HOUR_MS, 30 * MINUTE_MS, HOUR_MS
CONFIRMED_MS = 10 * MINUTE_MS
"""How long somebody who has proved who they are may do what asks for that (step-up, ASVS 7.5.3)."""
SEEN_EVERY_MS = MINUTE_MS
TRIES, TRIES_MS = 10, 15 * MINUTE_MS
"""Attempts at one operator's password and codes in each such window, right ones too, and as many proofs within each of
their sessions; links are not held up."""
_WRONG = "Login, password or code is wrong, or was tried too often: then wait a few minutes, or sign in by a link."
_LINK = Query(select(operator_links).where(operator_links.c.digest == bindparam("digest")))
_NEWEST = Query(
    select(operator_links.c.digest, operator_links.c.created_at)
    .where(operator_links.c.operator_id == bindparam("operator_id"))
    .order_by(operator_links.c.created_at.desc(), operator_links.c.digest.desc())
    .limit(1)
)
_OPEN = Query(
    select(console_sessions, *(operators.c[name] for name in ("login", "role", "password", "totp")),
           operators.c.created_at.label("operator_since"), operators.c.ended_at.label("operator_ended_at"))
    .join(operators, operators.c.id == console_sessions.c.operator_id)
    .where(console_sessions.c.digest == bindparam("digest"))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """An open session of the console: whose, and until when (wall ms) they need not prove again who they are.

    ``token`` is what their browser holds, ``csrf`` what its forms carry: nobody else can make it, and it opens nothing.
    """

    operator: Operator
    method: str
    token: str
    digest: str
    confirmed_until: int
    expires_at: int

    @property
    def csrf(self) -> str:
        return hmac.digest(self.token.encode(), b"console form", "sha256").hex()

    @property
    def lacks_codes(self) -> bool:
        """Tell whether its operator must set up one-time codes and a password before anything else."""
        if self.method == "oidc":
            return False  # the provider asked for two factors, else it would not have been begun
        return self.operator.role.handles_money and not (self.operator.has_codes and self.operator.has_password)

    def principal(self, known: Collection[str]) -> Principal:
        """Return who asks; ``known`` are all scopes of the shop."""
        return Principal(Role.OPERATOR, self.operator.caller, scopes=scopes_of(self.operator.role, known))


async def make_link(services: Services, named: str, *, actor: str) -> tuple[Operator, str, int]:
    """Make a code that signs an operator in once, within an hour; those of before stop. Returns it and its end."""
    row, wall = await need_row(services, named), services.clock.wall()
    if row["ended_at"] is not None:
        raise Forbidden(f"{row['login']} has ended. Take them back first.")
    code, anchor = f"opl_{secrets.token_urlsafe(32)}", anchor_of(row["id"])
    newest = await services.reader.first(_NEWEST, operator_id=row["id"])
    made_at = wall if newest is None else max(wall, newest["created_at"] + 1)  # newer also within a millisecond
    link = {"digest": _digest(code), "operator_id": row["id"], "created_at": made_at, "expires_at": wall + LINK_MS,
            "used_at": None}  # fmt: skip
    plan = Plan(actor=actor, anchors={anchor})
    await end_links(services, plan, row["id"])
    plan.add(Insert(LINKS, (str(link["digest"]),), anchor, link))
    note(services, plan, "operator.link_made", row["id"], {})
    await services.engine.commit(plan)
    return Operator.of(row), code, wall + LINK_MS


async def sign_in_by_link(services: Services, code: str) -> str:
    """Exchange a link's code for a session's token; raises ``Unauthorized``."""
    link, wall = await services.reader.first(_LINK, digest=_digest(code)), services.clock.wall()
    refused = "This sign-in link was used, or is too old. Make a new one: storefront operators link"
    if link is None or link["used_at"] is not None or wall >= link["expires_at"]:
        raise Unauthorized(refused)
    row = await need_row(services, link["operator_id"])
    newest = await services.reader.first(_NEWEST, operator_id=row["id"])  # of two made at once neither ended the other
    if row["ended_at"] is not None or newest is None or newest["digest"] != link["digest"]:
        raise Unauthorized(refused)
    used = Change(LINKS, (link["digest"],), anchor_of(row["id"]), {"used_at": None}, {"used_at": wall})
    try:
        return await _begin(services, row, "link", used)
    except Stale as error:
        raise Unauthorized(refused) from error


async def sign_in_by_password(services: Services, codes: OneTimeCodes, login: str, password: str, code: str) -> str:
    """Exchange login, password and, where set up, a one-time code for a session's token.

    Raises:
        Unauthorized: one of them is wrong, or this operator's password was tried too often in this quarter of an hour;
            nobody learns which, because only a login that there is can be tried too often.
    """
    row = await find_by_login(services, login)
    may_try = row is not None and await _may_try(services, row["id"], f"operator_tries:{row['id']}")
    is_right = await verify_password(None if row is None else row["password"], password)
    if row is None or not may_try or not is_right or row["ended_at"] is not None:
        raise Unauthorized(_WRONG)
    step = _step_used(services, codes, row, code)
    try:
        return await _begin(services, row, "password", totp_step=step)
    except Stale as error:  # the same code at the same moment, or another password
        raise Unauthorized(_WRONG) from error


async def sign_in_by_provider(services: Services, login: str, *, by_two_factors: bool) -> str:
    """Begin a session of an operator whom the configured provider has proved.

    Raises:
        Unauthorized: they are none of the shop's, or their role needs two factors and the provider asked for one.
    """
    row = await find_by_login(services, login)
    if row is None or row["ended_at"] is not None:
        raise Unauthorized("This account is not an operator of this shop. Ask an owner to add it.")
    if OperatorRole(row["role"]).handles_money and not by_two_factors:
        raise Unauthorized("Your role needs a second factor, and the provider asked for none. Use password and code.")
    try:
        return await _begin(services, row, "oidc")
    except Stale as error:
        raise Unauthorized("This operator has just changed. Begin again.") from error


async def open_session(services: Services, token: str | None) -> Session | None:
    """Return the session that a browser's token opens, if it is still good; now and then note that it is used."""
    if not token or not token.isascii():
        return None
    row, wall = await services.reader.first(_OPEN, digest=_digest(token)), services.clock.wall()
    if row is None or row["ended_at"] is not None or row["operator_ended_at"] is not None:
        return None
    if wall >= min(row["expires_at"], row["seen_at"] + IDLE_MS):
        return None
    if wall >= row["seen_at"] + SEEN_EVERY_MS:
        plan = Plan(actor=f"operator:{row['operator_id']}", anchors={anchor_of(row["operator_id"])})
        plan.add(_change(row["operator_id"], row["digest"], {"seen_at": row["seen_at"]}, {"seen_at": wall}))
        with suppress(Stale):  # another tab has just noted it
            await services.engine.commit(plan)
    person = {**row, "id": row["operator_id"], "created_at": row["operator_since"], "ended_at": None}
    return Session(
        Operator.of(person), row["method"], token, row["digest"], row["confirmed_at"] + CONFIRMED_MS, row["expires_at"]
    )


async def confirm(services: Services, codes: OneTimeCodes, session: Session, proof: str) -> None:
    """Take a proof that it is still the same person: a one-time code where set up, else the password.

    Raises:
        Invalid: it is wrong.
        TooManyRequests: it was tried too often.
    """
    operator = session.operator
    row = await need_row(services, operator.id)
    if not await _may_try(services, operator.id, f"operator_proofs:{session.digest}"):
        left = TRIES_MS - services.clock.wall() % TRIES_MS
        raise TooManyRequests(
            "Too many attempts. Wait a few minutes, or sign in by a link from the shell.",
            retry_after_seconds=-(-left // SECOND_MS),
        )
    wrong = Invalid("That is not right.", errors=[FieldError("/proof", "is not right")])
    if row["totp"] is None and not await verify_password(row["password"], proof):
        raise wrong
    plan = Plan(actor=operator.caller, anchors={anchor_of(operator.id)})
    try:
        plan.add(_as_read(row, totp_step=_step_used(services, codes, row, proof)))
        wall = services.clock.wall()
        plan.add(_change(operator.id, session.digest, {"ended_at": None}, {"confirmed_at": wall}))
        await services.engine.commit(plan)
    except (Stale, Unauthorized) as error:
        raise wrong from error


async def unconfirmed_secret(services: Services, codes: OneTimeCodes, session: Session) -> str:
    """Return the secret that a session's operator may set up: the same until it is confirmed or the session ends."""
    row = await need_row(services, session.operator.id)
    return codes.secret_of(f"{session.digest}:{row['totp']}")


async def sign_out(services: Services, session: Session) -> None:
    """End a session. Safe to repeat."""
    plan = Plan(actor=session.operator.caller, anchors={anchor_of(session.operator.id)})
    plan.add(_change(session.operator.id, session.digest, {}, {"ended_at": services.clock.wall()}))
    note(services, plan, "operator.signed_out", session.operator.id, {})
    await services.engine.commit(plan)


def _step_used(services: Services, codes: OneTimeCodes, row: Row, code: str) -> int | None:
    """Return the step of a one-time code; None where none is set up. Raises ``Unauthorized``."""
    if row["totp"] is None:
        return None
    typed = code.replace(" ", "")
    step = codes.matching_step(row["totp"], typed, wall=services.clock.wall(), after=row["totp_step"])
    if step is None:
        raise Unauthorized(_WRONG)
    return step


def _as_read(row: Row, *, totp_step: int | None) -> Change:
    """Return what makes a plan stale whose operator has changed since they were read, and uses up a code's step."""
    before = {name: row[name] for name in ("role", "password", "totp", "totp_step", "ended_at")}
    after = {"totp_step": row["totp_step"] if totp_step is None else totp_step}
    return Change(OPERATORS, (row["id"],), anchor_of(row["id"]), before, after)


async def _begin(services: Services, row: Row, method: str, *used: Change, totp_step: int | None = None) -> str:
    """Begin a session, with what it uses up in the same commit, and return its token.

    Raises ``Stale`` where the operator, or what is used up, is not any more what was read: else somebody who was ended
    or got another password a moment ago would begin one by what held before.
    """
    token, wall, anchor = secrets.token_urlsafe(32), services.clock.wall(), anchor_of(row["id"])
    session = {"digest": _digest(token), "operator_id": row["id"], "method": method, "created_at": wall,
               "expires_at": wall + OPEN_MS, "seen_at": wall, "confirmed_at": wall, "ended_at": None}  # fmt: skip
    plan = Plan(actor=f"operator:{row['id']}", anchors={anchor})
    plan.add(_as_read(row, totp_step=totp_step), *used, Insert(SESSIONS, (str(session["digest"]),), anchor, session))
    note(services, plan, "operator.signed_in", row["id"], {"method": method})
    await services.engine.commit(plan)
    return token


async def _may_try(services: Services, operator_id: str, counted: str) -> bool:
    """Count an attempt before it is looked at, so that many at the same time are no way around.

    Proofs within a session have a counter of their own: strangers at the door take nothing from who is in.
    """
    window, anchor = services.clock.wall() // TRIES_MS, anchor_of(operator_id)
    plan = Plan(actor=f"operator:{operator_id}", anchors={anchor})
    plan.count(f"{counted}:{window}", anchor=anchor, at_most=TRIES)
    try:
        await services.engine.commit(plan)
    except LimitReached:
        return False
    return True


def _change(operator_id: str, digest: str, expect: dict[str, int | None], changes: dict[str, int]) -> Change:
    return Change(SESSIONS, (digest,), anchor_of(operator_id), expect, changes)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
