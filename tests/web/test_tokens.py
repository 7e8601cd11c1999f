"""Session tokens and API keys on their own: what is accepted, what is not, and how they are kept."""

import base64
import json
import stat

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from storefront.core.api_keys import KeyHasher, KeyKind, take_apart
from storefront.core.clock import Clock
from storefront.core.errors import Unauthorized
from storefront.core.sessions import SessionTokens, SigningKeys

NOW_MS = 1_790_000_000_500
NOW = 1_790_000_000


@pytest.fixture
def keys(tmp_path):
    return SigningKeys.load_or_create(tmp_path / "keys")


@pytest.fixture
def tokens(keys):
    return SessionTokens(keys, Clock(lambda: NOW_MS), issuer="http://shop.example")


def forged(key, *, alg="Ed25519", header=(), **claims) -> str:
    good = {"iss": "http://shop.example", "aud": "storefront", "sub": "cus_1", "ext": "ada", "sid": "s", "jti": "j"}
    times = {"iat": NOW, "exp": NOW + 60, "scope": "*"}
    whole = {name: value for name, value in (good | times | claims).items() if value is not None}
    head = {"alg": alg, "typ": "session+jwt"} | dict(header)
    return jwt.encode({k: v for k, v in head.items() if v is not None}, whole, key, algorithms=[alg])


def test_a_minted_token_says_who_for_how_long(tokens):
    token, expires_at = tokens.mint("cus_1", "ada", ttl_seconds=60, country="DE", scopes=["purchases:read"])
    claims = tokens.verify(token)
    assert (claims.customer_id, claims.external_id, claims.country) == ("cus_1", "ada", "DE")
    assert claims.scopes == frozenset({"purchases:read"})
    assert expires_at == claims.expires_at == (NOW + 60) * 1000


@pytest.mark.parametrize("ttl", [0, 59, 901, -1])
def test_a_session_lasts_one_to_fifteen_minutes(tokens, ttl):
    with pytest.raises(ValueError, match="60 to 900"):
        tokens.mint("cus_1", "ada", ttl_seconds=ttl)


def test_the_forge_makes_good_tokens_when_nothing_is_changed(tokens, keys):
    assert tokens.verify(forged(keys.signing_key, header={"kid": keys.kid})).customer_id == "cus_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["storefront"]},
        {"exp": NOW},
        {"exp": None},
        {"exp": str(NOW + 60)},
        {"exp": NOW + 60.5},
        {"exp": True},
        {"iat": NOW + 60},
        {"jti": None},
        {"sub": None},
        {"sub": 1},
        {"scope": ["*"]},
        {"country": 49},
        {"header": {"typ": "lease+jwt"}},
        {"header": {"typ": None}},
        {"header": {"kid": "nobody"}},
    ],
    ids=str,
)
def test_a_token_with_one_thing_wrong_is_refused(tokens, keys, changes):
    with pytest.raises(Unauthorized):
        tokens.verify(forged(keys.signing_key, **changes))


def test_other_keys_and_other_algorithms_are_refused(tokens, keys):
    with pytest.raises(Unauthorized):
        tokens.verify(forged(OKPKey.generate_key("Ed25519")))
    public = json.dumps(keys.signing_key.as_dict(private=False)).encode()
    with pytest.raises(Unauthorized):
        tokens.verify(forged(OctKey.import_key(public), alg="HS256"))
    head, body, signature = tokens.mint("cus_1", "ada")[0].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"session+jwt"}').decode().rstrip("=")
    for token in (
        f"{none}.{body}.",
        f"{none}.{body}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "..",
        "",
        "é.é.é",
    ):
        with pytest.raises(Unauthorized):
            tokens.verify(token)


def test_old_tokens_verify_after_a_rotation_and_the_new_key_signs(tmp_path, tokens, keys):
    old, _ = tokens.mint("cus_1", "ada")
    newer = OKPKey.generate_key("Ed25519").as_pem(private=True)
    (tmp_path / "keys" / "signing-2.pem").write_bytes(newer)
    rotated = SigningKeys.load_or_create(tmp_path / "keys")
    assert rotated.kid != keys.kid
    assert SessionTokens(rotated, Clock(lambda: NOW_MS), issuer="http://shop.example").verify(old).external_id == "ada"
    published = rotated.jwks()["keys"]
    assert [key["kid"] for key in published] == [rotated.kid, keys.kid]
    assert all("d" not in key and key["alg"] == "Ed25519" for key in published)


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path, keys):
    assert SigningKeys.load_or_create(tmp_path / "keys").kid == keys.kid
    KeyHasher.load_or_create(tmp_path / "keys")
    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["api_keys.pepper", "signing-1.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_is_taken_apart_and_its_secret_is_nowhere_in_the_record(tmp_path):
    hasher = KeyHasher.load_or_create(tmp_path)
    made = hasher.make_key(KeyKind.SERVER)
    parts = take_apart(made.plaintext)
    assert (len(made.plaintext), parts.key_id, parts.kind) == (47, made.record.key_id, KeyKind.SERVER)
    assert len(parts.secret) == 26
    assert parts.secret not in repr(made.record)
    assert hasher.matches(parts.secret, made.record)
    assert not hasher.matches(parts.secret[:-1] + "!", made.record)
    assert not KeyHasher(b"x" * 32).matches(parts.secret, made.record)


def test_a_mistyped_key_fails_its_checksum(tmp_path):
    plaintext = KeyHasher.load_or_create(tmp_path).make_key(KeyKind.OPERATOR).plaintext
    for place in range(3, len(plaintext)):
        wrong = "B" if plaintext[place] == "A" else "A"
        assert take_apart(plaintext[:place] + wrong + plaintext[place + 1 :]) is None
    for wrong in ("pk" + plaintext[2:], plaintext + "A", plaintext[:-1], " " + plaintext, plaintext + "\n", ""):
        assert take_apart(wrong) is None
