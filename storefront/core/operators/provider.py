"""Signing in through an OpenID provider that the YAML names: authorization code with PKCE.

OpenID Connect Core 1.0 and RFC 7636.

The issuer is pinned by the configuration; what its discovery document says is believed only of addresses that the guard
lets through. An identity token must be signed by one of the issuer's keys, for this client, now, for this very browser.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from yarl import URL

from storefront.core.api_keys import KeyHasher
from storefront.core.clock import MINUTE_MS, SECOND_MS, Clock
from storefront.core.config.model import Oidc
from storefront.core.errors import StorefrontError, Unauthorized
from storefront.core.outgoing.guard import Guard
from storefront.core.outgoing.posting import NotSent

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Asymmetric ones alone: nobody but the issuer can make a token."""
UNDER_WAY_MS = 10 * MINUTE_MS
SKEW_SECONDS = 60
KEYS_MS = 60 * MINUTE_MS
LARGEST = 262_144
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt", "face"})
"""Values of ``amr`` (RFC 8176) that say somebody proved themselves by more than a password."""
_HEADER = {"alg": "dir", "enc": "A256GCM"}


class ProviderAway(StorefrontError):
    """The provider does not answer, or not as OpenID Connect says."""

    code = "provider_away"
    title = "The sign-in provider does not answer"


class UnderWay(msgspec.Struct, frozen=True):
    """One sign-in that is under way in one browser; sealed, it is what that browser's cookie holds."""

    state: str
    nonce: str
    verifier: str
    next: str
    ends_at: int


@dataclass(frozen=True, slots=True)
class Proved:
    """Whom the provider has proved: their login here, and whether they used a second factor."""

    login: str
    by_two_factors: bool


class Provider:
    """One issuer; its discovery document and keys are fetched when they are needed, and kept for an hour."""

    def __init__(self, settings: Oidc, *, hasher: KeyHasher, clock: Clock, allow: Collection[str], back: str) -> None:
        self._settings = settings
        self._clock = clock
        self._back = back
        self._guard = Guard([*allow, str(URL(settings.issuer).origin())])
        self._seal = OctKey.import_key(hasher.derive("sign-ins under way at a provider"))
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._fetched_at = -KEYS_MS

    @property
    def name(self) -> str:
        return self._settings.name

    async def begin(self, next_page: str) -> tuple[str, str]:
        """Return the address to send a browser to, and what its cookie must hold until it comes back."""
        known = await self._discover()
        under_way = UnderWay(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next=next_page,
            ends_at=self._clock.wall() + UNDER_WAY_MS,
        )
        challenge = hashlib.sha256(under_way.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": "openid email profile",
            "state": under_way.state,
            "nonce": under_way.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "max_age": "0",  # whoever begins a session proves who they are now, not some time ago
        }
        sealed = jwe.encrypt_compact(_HEADER, msgspec.json.encode(under_way), self._seal)
        return str(URL(known["authorization_endpoint"]).update_query(asked)), sealed

    async def finish(self, sealed: str, *, state: str, code: str) -> tuple[Proved, str]:
        """Exchange what came back for whom it proves, and where they wanted to go; raises ``Unauthorized``."""
        under_way = self._open(sealed)
        is_ours = under_way is not None and hmac.compare_digest(under_way.state.encode(), state.encode())
        if under_way is None or not is_ours or self._clock.wall() >= under_way.ends_at:
            raise Unauthorized("This sign-in began elsewhere, or too long ago. Begin again.")
        known = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.reveal(),
            "code_verifier": under_way.verifier,
        }
        answer = await self._ask(known["token_endpoint"], form)
        claims = await self._read(str(answer.get("id_token", "")), under_way)
        return self._proved(claims), under_way.next

    def _proved(self, claims: Mapping[str, Any]) -> Proved:
        login = claims.get(self._settings.login_claim)
        if not isinstance(login, str) or not login:
            raise Unauthorized(f"The provider does not say your {self._settings.login_claim}.")
        if self._settings.login_claim == "email" and claims.get("email_verified") is not True:
            raise Unauthorized("The provider has not verified your e-mail address.")
        used = claims.get("amr")
        factors = {one for one in used if isinstance(one, str)} if isinstance(used, list) else set()
        return Proved(login, self._settings.proves_two_factors or bool(factors & SECOND_FACTORS))

    async def _read(self, token: str, under_way: UnderWay) -> Mapping[str, Any]:
        """Return the claims of an identity token; raises ``Unauthorized``. Keys that are new are fetched once more."""
        wrong = Unauthorized("The provider's answer does not prove who you are.")
        for is_fresh in (False, True):
            try:
                decoded = jwt.decode(token, await self._key_set(is_fresh=is_fresh), algorithms=ALGORITHMS)
                break
            except (JoseError, ValueError) as error:
                if is_fresh:
                    raise wrong from error
        claims, now = decoded.claims, self._clock.wall() // SECOND_MS
        audience = claims.get("aud")
        is_for_us = self._settings.client_id in (audience if isinstance(audience, list) else [audience])
        by_us = claims.get("azp", self._settings.client_id) == self._settings.client_id
        lives = _seconds(claims, "exp") > now - SKEW_SECONDS and _seconds(claims, "iat") < now + SKEW_SECONDS
        is_asked = hmac.compare_digest(str(claims.get("nonce", "")).encode(), under_way.nonce.encode())
        began = (under_way.ends_at - UNDER_WAY_MS) // SECOND_MS  # not all providers say when; who says so is held to it
        is_new = "auth_time" not in claims or _seconds(claims, "auth_time") >= began - SKEW_SECONDS
        if not (claims.get("iss") == self._settings.issuer and is_for_us and by_us and lives and is_asked and is_new):
            raise wrong
        return claims

    def _open(self, sealed: str) -> UnderWay | None:
        try:
            plain = jwe.decrypt_compact(sealed, self._seal).plaintext or b""
            return msgspec.json.decode(plain, type=UnderWay)
        except (JoseError, ValueError, msgspec.DecodeError):
            return None

    async def _discover(self) -> Mapping[str, Any]:
        if not self._known or self._clock.wall() >= self._fetched_at + KEYS_MS:
            found = await self._ask(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != self._settings.issuer or not all(
                isinstance(found.get(one), str) for one in needed
            ):
                raise ProviderAway("The provider's discovery document is not that of the configured issuer.")
            self._known, self._keys, self._fetched_at = found, None, self._clock.wall()
        return self._known

    async def _key_set(self, *, is_fresh: bool) -> KeySet:
        if self._keys is None or is_fresh:
            known = await self._discover()
            self._keys = KeySet.import_key_set(await self._ask(known["jwks_uri"]))  # type: ignore[arg-type]
        return self._keys

    async def _ask(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Fetch JSON, or post a form for it; raises ``ProviderAway``, for a refused code ``Unauthorized``."""
        try:
            timeout, jar = aiohttp.ClientTimeout(total=10), aiohttp.DummyCookieJar()
            async with (
                aiohttp.ClientSession(connector=self._guard.connect(url), timeout=timeout, cookie_jar=jar) as session,
                session.request("GET" if form is None else "POST", url, data=form, allow_redirects=False) as response,
            ):
                body = await _read(response)
                if form is not None and 400 <= response.status < 500:
                    raise Unauthorized("The provider refused this sign-in. Begin again.")
                if response.status != 200:
                    raise ProviderAway(f"The sign-in provider answered {response.status}.")
                return msgspec.json.decode(body, type=dict[str, Any])
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, NotSent) as error:
            raise ProviderAway("The sign-in provider cannot be reached, or does not speak OpenID Connect.") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read a body to its end; raises ``ProviderAway`` for one that has no end in sight."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(16_384):
        read += chunk
        if len(read) > LARGEST:
            raise ProviderAway("The sign-in provider says too much.")
    return bytes(read)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
