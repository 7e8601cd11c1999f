"""An OpenID provider as operators meet it: discovery, keys, a code for whoever is sent here, a token for the code."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey
from yarl import URL

CLIENT, SECRET = "shop", "a secret between the two"


class IdentityProvider:
    """Says of everybody that they are ``who``; ``claims`` change what its next token says, ``key`` who signs it."""

    def __init__(self) -> None:
        self.url = ""
        self.who = "ana@example.com"
        self.claims: dict[str, Any] = {}
        self.key = ECKey.generate_key("P-256", parameters={"kid": "first"})
        self.published = self.key
        self.answers: dict[str, Any] = {}
        self._asked: dict[str, dict[str, str]] = {}

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    def send_back(self, address: str, *, code: str = "code-1") -> URL:
        """Take a browser that was sent here, and return the address to which it is sent back."""
        asked = URL(address)
        assert asked.with_query(None) == URL(f"{self.url}/authorize")
        self._asked[code] = dict(asked.query)
        return URL(asked.query["redirect_uri"]).update_query(code=code, state=asked.query["state"])

    async def _discovery(self, _: web.Request) -> web.Response:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return web.json_response(told | self.answers)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.published.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self._asked.pop(str(form["code"]), None)
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        proof = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or proof != asked["code_challenge"] or form["client_secret"] != SECRET:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "1", "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            "email": self.who, "email_verified": True, "amr": ["pwd", "otp"], **self.claims,
        }  # fmt: skip
        header = {"alg": "ES256", "kid": self.key.kid}
        return web.json_response({"id_token": jwt.encode(header, claims, self.key, algorithms=["ES256"])})


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    """Run a provider."""
    provider = IdentityProvider()
    runner = web.AppRunner(provider.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
