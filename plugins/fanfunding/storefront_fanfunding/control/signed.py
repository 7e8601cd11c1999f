"""Who is signed in to the control page, and what its other pages need of it."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from storefront.core.reading import Row
from storefront.routing import Call
from storefront_fanfunding.control.sessions import form_secret
from storefront_fanfunding.creators import Creator


@dataclass(frozen=True, slots=True)
class Signed:
    """Who is signed in: their session, its token, and the creator that they are."""

    session: Row
    token: str
    creator: Creator

    @property
    def identity(self) -> str:
        return str(self.session["creator_id"])

    @property
    def csrf(self) -> str:
        return form_secret(self.token)


class Desk(Protocol):
    """Knows who is signed in, and draws pages."""

    async def signed(self, call: Call) -> Signed:
        """Return who asks; raises ``Unauthorized``."""
        ...

    def render(self, template: str, **named: object) -> str: ...

    def stranger(self, call: Call, problem: str | None) -> web.Response:
        """Answer where to sign in."""
        ...
