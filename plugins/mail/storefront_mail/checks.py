"""What the schema cannot say of the plugin's section: a readable connection, and templates that can be rendered."""

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path

from storefront.core.config import Complaint
from storefront_mail.config import mailings_of
from storefront_mail.templates import mistakes_in

_SECTION = ("plugins", "mail")


def check_mail(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say all that is wrong with the section; what the schema complains of is passed over."""
    plugins = document.get("plugins")
    section = plugins.get("mail") if isinstance(plugins, Mapping) else None
    if not isinstance(section, Mapping):
        return
    host = section.get("host")
    is_open = section.get("security") == "none" and section.get("allow_plaintext") is not True
    if is_open and isinstance(host, str) and not is_loopback(host):
        message = "sends mail in clear to another machine; take starttls or tls, or say `allow_plaintext: true`"
        yield Complaint((*_SECTION, "security"), message, example="starttls")
    if ("username" in section) != ("password" in section):
        here, missing = ("username", "password") if "username" in section else ("password", "username")
        yield Complaint((*_SECTION, here), f"needs `{missing}` beside it", at_key=True)
    ca_file = section.get("ca_file")
    if isinstance(ca_file, str) and not Path(ca_file).is_file():
        yield Complaint((*_SECTION, "ca_file"), f"there is no file {ca_file}")
    yield from _check_templates(section)


def _check_templates(section: Mapping[str, object]) -> Iterator[Complaint]:
    folder, events = section.get("templates"), section.get("events", {})
    told = {name: one for name, one in events.items() if _is_mailing(one)} if isinstance(events, Mapping) else {}
    names = [mailing.template for mailing in mailings_of(told).values()]
    at = (*_SECTION, "templates") if isinstance(folder, str) else (*_SECTION, "events") if told else _SECTION
    for message in mistakes_in(Path(folder) if isinstance(folder, str) else None, names):
        yield Complaint(at, message, example="./mail")


def _is_mailing(told: object) -> bool:
    return told is False or (isinstance(told, Mapping) and isinstance(told.get("template"), str))


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
