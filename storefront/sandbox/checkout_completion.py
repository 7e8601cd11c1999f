"""What an intent's fate means for the checkout session that it belongs to."""

from __future__ import annotations

from storefront.sandbox.checkout_objects import customer_details
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


def session_of(world: World, intent: Body) -> Body | None:
    """The session whose attempt to pay this intent is, if any."""
    return world.records.find("checkout.session", world.records.hidden(intent["id"]).get("session") or "")


def complete(world: World, session: Body, email: str | None, *, is_paid: bool) -> None:
    """Close a session as complete; its money may still be under way, or held."""
    session.update(status="complete", url=None)
    if is_paid:
        session["payment_status"] = "paid"
    known = session["customer_details"] or {}
    session["customer_details"] = {**customer_details(None), **known, "email": email or known.get("email")}
    world.save(session)
    world.emit("checkout.session.completed", session)


def mark_paid(world: World, intent: Body) -> None:
    """The money that was held has been taken."""
    session = session_of(world, intent)
    if session is not None:
        world.save({**session, "payment_status": "paid"})


def note_debit(world: World, intent: Body, *, is_paid: bool) -> None:
    """A debit under way has ended, and the session says so."""
    session = session_of(world, intent)
    if session is None:
        return
    if is_paid:
        session["payment_status"] = "paid"
        world.save(session)
    world.emit(f"checkout.session.async_payment_{'succeeded' if is_paid else 'failed'}", session)
