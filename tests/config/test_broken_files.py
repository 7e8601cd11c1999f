"""Every broken file beside this one prints exactly the text that stands next to it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from storefront.core.config import ConfigError, PluginSchema, load_config
from tests.signing import heart_of, new_signing_key

BROKEN = Path(__file__).parent / "broken"
ENVIRONMENT = {
    "PORT": "eighty",
    "STRIPE_SECRET_KEY": "sk_test_this_must_never_be_printed",
    "SHORT_SECRET": "never_printed",
}


@pytest.fixture(scope="module")
def signing_keys() -> Mapping[str, str]:
    """What may be given for a signing key: good ones, and others that look alike."""
    key, other = Ed25519PrivateKey.generate(), new_signing_key()
    rsa = generate_private_key(65537, 2048)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "SIGNING_KEY": plain,
        "SAME_KEY": f"{plain}\n\n",
        "PUBLIC_KEY": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "RSA_KEY": rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "LOCKED_KEY": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
        "TWO_KEYS": other + new_signing_key(),
    }


@pytest.mark.parametrize("name", sorted(file.stem for file in BROKEN.glob("*.yaml")))
def test_a_broken_file_prints_every_mistake_at_its_place(
    name: str, plugins: Mapping[str, PluginSchema], signing_keys: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)

    with pytest.raises(ConfigError) as caught:
        load_config(
            Path(f"{name}.yaml"),
            environ={**ENVIRONMENT, **signing_keys},
            plugins=plugins,
            installed=["microtransactions", "fanfunding", "fraud"],
        )

    assert f"{caught.value}\n" == (BROKEN / f"{name}.txt").read_text("utf-8")
    assert "never_be_printed" not in str(caught.value)
    assert "never_printed" not in repr(caught.value.mistakes)
    assert [key for key, pem in signing_keys.items() if heart_of(pem) in repr(caught.value.mistakes)] == []


def test_there_are_at_least_ten_broken_files() -> None:
    assert len(list(BROKEN.glob("*.yaml"))) >= 10
