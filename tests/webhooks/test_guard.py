"""The guard: what it refuses, when it connects, and that nobody gets past it by names that change their minds."""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from storefront.core.clock import Clock
from storefront.core.outgoing.addresses import is_own, is_public, may_be_allowed, read_address
from storefront.core.outgoing.guard import ForbiddenAddress, Guard, never_allowed
from storefront.core.outgoing.posting import Message, NotSent, Poster

from .conftest import Receiver

MESSAGE = Message("evt_1", b"{}")
PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
# What a machine's name server answers for each name here; numbers in odd notations are read as the C library does.
ZONE: dict[str, Sequence[str]] = {
    "localhost": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "loopback.example": ["127.0.0.1"],
    "private.example": ["10.1.2.3"],
    "mixed.example": [PUBLIC, "192.168.1.1"],
    "mixed6.example": [PUBLIC, "fd00::1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "zero.example": ["0.0.0.0"],
    "zone.example": ["fe80::1%lo"],
    "nonsense.example": ["not an address"],
    "cgnat.example": ["100.64.0.1"],
    "ula.example": ["fdaa:bbbb::1"],
    "multicast.example": ["ff02::1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "teredo.example": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "public.example": [PUBLIC],
}
FORBIDDEN = [
    # not https, other ports, other schemes
    "http://public.example/", "https://public.example:80/", "https://public.example:22/", "https://public.example:6379/",
    "https://public.example:0/", "https://public.example:99999/", "ftp://public.example/", "file:///etc/passwd",
    "gopher://public.example/", "ws://public.example/", "//public.example/", "public.example", "", "https://",
    # user names, and authorities that readers disagree about
    "https://user@public.example/", "https://user:pass@public.example/", "https://public.example@127.0.0.1/",
    "https://127.0.0.1@public.example/", "https://public.example\\@127.0.0.1/", "https://public.example#@127.0.0.1/",
    "https://public.example:443@127.0.0.1/", "https:///public.example/", "https://public.example /",
    "https://public.example\t/", "https://public.example/\r\nHost: x", "https://public.example/#fragment",
    "https://public..example/", "https://.public.example/", "https://public.example./", "https://%31%32%37.0.0.1/",
    "https://public.example%00.x/", "https:public.example/",
    # addresses of this machine and its networks
    "https://127.0.0.1/", "https://127.8.8.8/", "https://0.0.0.0/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://192.168.0.1/", "https://100.64.0.1/", "https://169.254.169.254/latest/meta-data",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://192.0.2.1/", "https://198.18.0.1/",
    "https://192.88.99.1/", "https://192.0.0.1/",
    # IPv4 in odd notations
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
    "https://127.0.1/", "https://0x7F.0x0.0x0.0x1/", "https://017700000001/", "https://127.0.0.1./",
    "https://00000127.0.0.1/", "https://0/", "https://1.2.3.4.5/", "https://public.example.0x7f/",
    # IPv6, and IPv4 inside it
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2001:0:1::1]/",
    "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fc00::1]/", "https://[fd12:3456::1]/", "https://[ff02::1]/",
    "https://[2001:db8::1]/", "https://[fec0::1]/", "https://[100::1]/", "https://[::ffff:93.184.215.14]/", "https://[127.0.0.1]/",
    # letters that become others: dots, digits and names
    "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/", "https://ｌｏｃａｌｈｏｓｔ/", "https://bücher.example/",
    "https://public．example/",
    # names whose answers lead inside
    *(f"https://{name}/" for name in ZONE if name != "public.example"),
]  # fmt: skip


class Network:
    """A name server and a network of the test's own: what is connected to is kept, and goes no further than here."""

    def __init__(self, *, lets_through: Sequence[str] = ()) -> None:
        self.asked: list[str] = []
        self.peers: list[str] = []
        self._lets_through = lets_through
        self.answers: list[Sequence[str]] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if self.answers:
            return self.answers.pop(0)
        if host not in ZONE:
            raise OSError(f"no such name: {host}")
        return ZONE[host]

    def new_socket(self, info: tuple[Any, ...]) -> socket.socket:
        peer = str(info[4][0])
        self.peers.append(peer)
        if peer not in self._lets_through:
            raise OSError("there is no outside in tests")
        return socket.socket(info[0], info[1], info[2])

    def guard(self, *allow: str, tls: ssl.SSLContext | None = None) -> Guard:
        return Guard(allow, resolve=self.resolve, new_socket=self.new_socket, tls=tls)

    @property
    def forbidden_peers(self) -> list[str]:
        addresses = [(peer, read_address(peer)) for peer in self.peers]
        return [peer for peer, address in addresses if address is None or not is_public(address)]


async def post(guard: Guard, url: str) -> int:
    return (await Poster(Clock(), guard.connect).post(url, MESSAGE, (bytes(32),))).status


def test_there_are_more_than_seventy_forms() -> None:
    assert len(set(FORBIDDEN)) == len(FORBIDDEN) >= 70


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_a_forbidden_url_is_refused_when_it_is_connected_to(url: str) -> None:
    network = Network()
    with pytest.raises(NotSent) as caught:
        await post(network.guard(), url)
    assert network.peers == []
    assert "must" in str(caught.value) or "public internet" in str(caught.value)


@pytest.mark.parametrize("url", ["https://public.example/hooks?a=1", "https://PUBLIC.example:8443", f"https://{PUBLIC}/",
                                 f"https://[{PUBLIC_6}]/"])  # fmt: skip
async def test_a_public_address_is_connected_to(url: str) -> None:
    network = Network()
    with pytest.raises(NotSent, match="could not connect"):
        await post(network.guard(), url)
    assert network.peers in ([PUBLIC], [PUBLIC_6])
    assert network.forbidden_peers == []


async def test_a_name_that_changes_its_mind_leads_nowhere() -> None:
    """Rebinding: the first answer is public, the next one is this machine."""
    network = Network(lets_through=["127.0.0.1"])
    network.answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    with pytest.raises(NotSent):
        await post(network.guard(), "https://rebinding.example/")

    assert network.forbidden_peers == []
    assert network.peers == [PUBLIC]
    assert network.asked == ["rebinding.example"], "a name is resolved once"


async def test_a_chain_of_redirects_is_not_begun(receiver: Receiver) -> None:
    network = Network(lets_through=["127.0.0.1"])
    for location in ("/again", "http://169.254.169.254/", "https://loopback.example/", "//private.example/"):
        receiver.status, receiver.headers = 302, {"Location": location}
        assert await post(network.guard(receiver.origin), receiver.url) == 302
    assert network.peers == ["127.0.0.1"] * 4
    assert {one.path for one in receiver.received} == {"/hooks"}


async def test_the_peer_is_looked_at_before_anything_is_sent(tmp_path: Path) -> None:
    """A network that connects elsewhere than it was asked to: the address was right, the peer is this machine."""
    server_tls, client_tls = certificate_of("public.example", tmp_path)
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(request.host)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_tls)

    class Astray(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect(("127.0.0.1", server.port))

    network = Network()
    guard = Guard(
        (), resolve=network.resolve, new_socket=lambda info: Astray(info[0], info[1], info[2]), tls=client_tls
    )
    with pytest.raises(NotSent, match="public internet"):
        await post(guard, "https://public.example/")
    assert taken == []
    await server.close()


async def test_an_allowed_origin_is_that_one_alone(receiver: Receiver) -> None:
    network = Network(lets_through=["127.0.0.1"])
    guard = network.guard(receiver.origin, "https://private.example")
    assert await post(guard, receiver.url) == 204
    port = int(receiver.origin.rpartition(":")[2])
    for url in (f"https://127.0.0.1:{port}/", f"http://127.0.0.1:{port + 1}/", f"http://localhost:{port}/",
                "http://private.example/", "https://private.example:8443/", f"http://127.0.0.2:{port}/"):  # fmt: skip
        with pytest.raises(NotSent, match=r"must|public internet"):
            await post(guard, url)
    assert network.peers == ["127.0.0.1"]
    with pytest.raises(NotSent, match="could not connect"):
        await post(guard, "https://private.example/")
    assert network.peers == ["127.0.0.1", "10.1.2.3"]


@pytest.mark.parametrize("origin", ["http://169.254.169.254", "http://0.0.0.0:80", "http://[fe80::1]", "http://224.0.0.1",
                                    "http://[::ffff:10.0.0.1]", "http://0x7f.1"])  # fmt: skip
def test_some_addresses_are_never_allowed(origin: str) -> None:
    assert never_allowed(origin) is not None


@pytest.mark.parametrize(
    "name", ["metadata.example", "zero.example", "mapped.example", "nat64.example", "multicast.example"]
)
async def test_an_allowed_name_does_not_lead_there_either(name: str) -> None:
    network = Network()
    with pytest.raises(NotSent, match="public internet"):
        await post(network.guard(f"https://{name}"), f"https://{name}/")
    assert network.peers == []


async def test_name_and_certificate_stay_those_of_the_url(tmp_path: Path) -> None:
    server_tls, client_tls = certificate_of("hooks.example", tmp_path)
    names: list[str | None] = []
    server_tls.sni_callback = lambda connection, name, context: names.append(name)
    hosts: list[str] = []

    async def take(request: web.Request) -> web.Response:
        hosts.append(request.host)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_tls)
    port = server.port
    network = Network(lets_through=["127.0.0.1"])
    network.answers = [["127.0.0.1"], ["127.0.0.1"]]
    right, wrong = f"https://hooks.example:{port}", f"https://other.example:{port}"
    guard = network.guard(right, wrong, tls=client_tls)

    assert await post(guard, right + "/") == 204
    with pytest.raises(NotSent, match="certificate"):
        await post(guard, wrong + "/")

    assert names == ["hooks.example", "other.example"]
    assert hosts == [f"hooks.example:{port}"]
    await server.close()


async def test_proxies_of_the_environment_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert await post(Network(lets_through=["127.0.0.1"]).guard(receiver.origin), receiver.url) == 204


def test_own_addresses_are_known() -> None:
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert not is_own(ipaddress.ip_address(PUBLIC))
    assert not is_own(ipaddress.ip_address(PUBLIC_6))


@given(st.ip_addresses())
def test_what_is_public_here_is_global_for_the_standard_library(address: Any) -> None:
    if is_public(address):
        assert address.is_global
        kinds = (address.is_multicast, address.is_loopback, address.is_link_local, address.is_private)
        assert not any(kinds)
        assert may_be_allowed(address)


@given(st.text(max_size=60))
def test_no_text_gets_past_without_being_a_plain_https_address(text: str) -> None:
    try:
        target = Guard().read(f"https://{text}")
    except ForbiddenAddress:
        return
    assert target.host.isascii()
    assert target.port in (443, 8443)


def certificate_of(name: str, folder: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS contexts of a server with a certificate of its own for a name, and of a client that trusts it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    path.write_bytes(key.private_bytes(*form, plain) + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
