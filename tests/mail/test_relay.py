"""The way to the SMTP server: refused, away, encrypted, cut off; sent at least once, under one Message-ID."""

import asyncio
import datetime
import ipaddress
import json
import ssl

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storefront.core.events import START, read_events
from storefront.testing import running_shop

from .conftest import Inbox, give_address, mailing, told


def state_is(shop, state, reason="%"):
    return lambda: shop.query("SELECT 1 AS n FROM mail_messages WHERE state = ? AND reason LIKE ?", state, reason)


async def test_a_temporary_refusal_is_tried_again_and_then_sent(club, inbox):
    inbox.replies = ["451 4.3.0 Try later, ada@example.com"]
    await give_address(club)
    await club.bought("gems-500")
    await club.until(state_is(club, "queued", "451 4.3.0%"))
    assert (await told(club))[0][2] == "451 4.3.0 Try later, <address>"
    await club.advance("2m")
    await club.until(lambda: inbox.mails)
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE state = 'sent' AND attempts = 2"))


@pytest.mark.parametrize("at", ["replies", "turns_away"])
async def test_a_refusal_for_good_is_recorded_and_told_without_the_address(club, inbox, at):
    setattr(inbox, at, ["550 5.1.1 <ada@example.com> does not live here"])
    await give_address(club)
    await club.bought("gems-500")
    await club.until(state_is(club, "failed"))
    assert await told(club) == [("receipt", "failed", "550 5.1.1 <address> does not live here")]
    payload = club.query("SELECT payload FROM events WHERE type = 'mail.failed'")[0]["payload"]
    assert json.loads(payload)["reason"] == "550 5.1.1 <address> does not live here"
    await club.advance("1h")
    assert inbox.mails == []


async def test_a_server_that_is_away_gets_the_mail_when_it_is_back(club, inbox):
    await inbox.close()
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    await inbox.open()
    await club.advance("2m")
    await club.until(lambda: inbox.mails)
    assert len(inbox.mails) == 1


async def test_many_mails_that_waited_for_the_server_all_leave_once(club, inbox):
    await inbox.close()
    for number in range(12):
        await give_address(club, f"c{number}@example.com", customer=f"c{number}")
    await asyncio.gather(*(club.bought("gems-500", customer=f"c{number}") for number in range(12)))
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    await club.advance("2m")
    await inbox.open()
    for _ in range(3):
        await club.advance("10m")
    await club.until(lambda: len(inbox.mails) >= 12)
    assert sorted(inbox.recipients) == sorted(f"c{number}@example.com" for number in range(12))


async def test_after_a_long_outage_stale_mail_is_not_sent(club, inbox):
    await inbox.close()
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    await club.advance("4d")
    await club.until(state_is(club, "expired"))
    await inbox.open()
    await club.advance("1d")
    assert inbox.mails == []
    assert len(club.query("SELECT 1 AS n FROM events WHERE type = 'mail.failed'")) == 1


async def test_a_reply_that_is_lost_sends_it_again_under_the_same_message_id(club, inbox):
    inbox.closes_after_data = 1
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    await club.advance("2m")
    await club.until(lambda: len(inbox.mails) == 2)
    assert inbox.mails[0]["Message-ID"] == inbox.mails[1]["Message-ID"]
    assert inbox.mails[0]["Date"] == inbox.mails[1]["Date"]


async def test_a_shop_that_is_restarted_sends_what_waits_once(club, inbox):
    await inbox.close()
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))
    await club.stop()
    await inbox.open()
    await club.start()
    await club.advance("2m")
    await club.until(lambda: inbox.mails)
    await club.advance("10m")
    assert len(inbox.mails) == 1
    assert inbox.mails[0]["Message-ID"] == club.query("SELECT message_id FROM mail_messages")[0]["message_id"]


async def test_an_event_that_is_told_again_makes_no_second_mail(club, inbox):
    await give_address(club)
    await club.bought("gems-500")
    await club.until(lambda: club.query("SELECT 1 AS n FROM mail_messages WHERE state = 'sent'"))
    await club.quiet()
    services = club.parts.services
    tell = services.hooks.callers("on_event")["mail"]
    for event in await read_events(services.reader, START, 1000):
        for telling in tell(services=services, event=event):
            await telling
    await club.quiet()
    assert len(inbox.mails) == 1


def certificate(folder):
    """Make a certificate for 127.0.0.1; return its file and a context that serves it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "relay.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


def encrypted(security, more=""):
    return mailing(more=more).replace("security: none", f"security: {security}")


@pytest.fixture
async def box():
    made = Inbox()
    yield made
    await made.close()


def check(server, session, envelope, mechanism, auth_data):
    is_right = (auth_data.login, auth_data.password) == (b"shop", b"right")
    return AuthResult(success=is_right, handled=is_right)


SIGNS_IN = "username: shop\npassword: ${SMTP_PASSWORD}\n"


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mail_leaves_encrypted_and_signed_in(data_folder, box, security):
    file, context = certificate(data_folder)
    served = {"tls": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    await box.open(**served, authenticator=check, auth_require_tls=security == "starttls")
    yaml = encrypted(security, f"{SIGNS_IN}ca_file: {file}")
    environ = {"SMTP_PORT": str(box.port), "SMTP_PASSWORD": "right"}
    async with running_shop(data_folder, yaml, environ=environ) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(lambda: box.mails)
        assert box.was_encrypted == [True]
        assert box.signed_in == [True]


async def test_a_certificate_that_nobody_vouches_for_gets_no_mail(data_folder, box):
    _, context = certificate(data_folder)
    await box.open(tls_context=context)
    environ = {"SMTP_PORT": str(box.port)}
    async with running_shop(data_folder, encrypted("starttls"), environ=environ) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(state_is(shop, "queued"))
        assert box.mails == []


async def test_a_server_that_offers_no_encryption_gets_no_mail(data_folder, box):
    await box.open()
    environ = {"SMTP_PORT": str(box.port)}
    async with running_shop(data_folder, encrypted("starttls"), environ=environ) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(state_is(shop, "queued"))
        assert box.mails == []


async def test_a_wrong_password_keeps_the_mail_until_it_is_mended(data_folder, box):
    file, context = certificate(data_folder)
    await box.open(tls_context=context, authenticator=check, auth_required=True)
    yaml = encrypted("starttls", f"{SIGNS_IN}ca_file: {file}")
    environ = {"SMTP_PORT": str(box.port), "SMTP_PASSWORD": "wrong"}
    async with running_shop(data_folder, yaml, environ=environ) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(state_is(shop, "queued", "535%"))
        assert "wrong" not in str(shop.query("SELECT * FROM mail_messages"))
    async with running_shop(data_folder, yaml, environ={**environ, "SMTP_PASSWORD": "right"}) as shop:
        await shop.advance("2m")
        await shop.until(lambda: box.mails)
