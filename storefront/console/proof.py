"""Step-up: before money leaves or keys change, whoever does it proves again who they are (ASVS 5.0, 7.5.3)."""

from aiohttp import web

from storefront.console.desk import Desk
from storefront.core.errors import Invalid, TooManyRequests
from storefront.core.operators.signing_in import Session, confirm
from storefront.pages import Browser
from storefront.routing import Call


async def is_proved(desk: Desk, session: Session, call: Call) -> bool:
    """Tell whether a session is proved: lately, or by what this form carries; raises what ``confirm`` does."""
    if desk.services.clock.wall() < session.confirmed_until:
        return True
    proof = str(call.body.get("proof", ""))
    if not proof:
        return False
    await confirm(desk.services, desk.codes, session, proof)
    return True


def ask_for_proof(desk: Desk, session: Session, call: Call, *, words: str, problem: str | None = None) -> web.Response:
    """Answer the form again, folded away, with a field for the proof: sending it does what ``words`` say."""
    kept = {name: value for name, value in call.body.items() if name not in ("csrf", "proof")}
    operator = session.operator
    html = desk.render(
        "proof.html",
        page=desk.frame(call),
        action=call.request.path,
        kept=kept,
        words=words,
        csrf=session.csrf,
        by_code=operator.has_codes,
        can=operator.has_codes or operator.has_password,
        problem=problem,
    )
    response = Browser.of(call).answer(html)
    response.set_status(403 if problem is None else 422)
    return response


async def prove(desk: Desk, session: Session, call: Call, *, words: str) -> web.Response | None:
    """Return None once the session is proved, else the page that asks for it."""
    try:
        return None if await is_proved(desk, session, call) else ask_for_proof(desk, session, call, words=words)
    except (Invalid, TooManyRequests) as wrong:
        return ask_for_proof(desk, session, call, words=words, problem=wrong.detail)
