"""What a schema cannot say: things that contradict each other, and things that no gateway would do.

Each check reads the raw document defensively, because it runs even when the schema has complaints of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from storefront.core.config.currencies import nearest_chargeable, stripe_refuses
from storefront.core.config.forms import read_instant, wrong_form
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import Path, show_key
from storefront.core.config.price_checks import price_complaints, real_prices_of
from storefront.core.config.semantics_experiments import experiment_complaints
from storefront.core.config.semantics_promos import promo_complaints, referral_complaints
from storefront.core.config.semantics_usage import usage_complaints
from storefront.core.config.validation import did_you_mean
from storefront.core.outgoing.guard import never_allowed
from storefront.core.signing_pem import NotASigningKey, read_signing_key

_LEAST_KEY_LENGTH = 24
_PREFIXES = {"server": "sk_", "publishable": "pk_", "operator": "ak_"}
_WINDOWS = ("hour", "day", "week", "month", "lifetime")
_DEMO_SUFFIX = "_sandbox_demo"


@dataclass(frozen=True, slots=True)
class Facts:
    """The document with what is known about plugins: ``kind_owners`` says which installed plugin brings a kind."""

    value: Mapping[str, object]
    kinds: Sequence[str]
    kind_owners: Mapping[str, str]
    installed: Sequence[str]
    enabled: Sequence[str]

    @property
    def is_live(self) -> bool:
        return self.value.get("mode") == "live"

    def section(self, name: str) -> Mapping[str, object]:
        """A top-level mapping; empty if it is missing or something else."""
        return _mapping(self.value.get(name))


def semantic_complaints(facts: Facts) -> Iterator[Complaint]:
    """Everything that contradicts itself or the world."""
    for check in _CHECKS:
        yield from check(facts)


def _plugins(facts: Facts) -> Iterator[Complaint]:
    for name in facts.section("plugins"):
        if name not in facts.installed:
            hint = did_you_mean(name, facts.installed)
            known = f"; installed: {', '.join(facts.installed)}" if facts.installed and not hint else hint
            yield Complaint(("plugins", name), f"no such plugin is installed{known}", at_key=True)


def _kinds(facts: Facts) -> Iterator[Complaint]:
    for sku, offer in _offers(facts):
        kind = offer.get("kind")
        owner = facts.kind_owners.get(kind) if isinstance(kind, str) else None
        if isinstance(kind, str) and kind not in facts.kinds and owner and owner not in facts.enabled:
            message = f"the kind {show_key(kind)} comes with the plugin {owner}; name it under `plugins:`"
            yield Complaint(("offers", sku, "kind"), message, meant=("plugins",))


def _titles(facts: Facts) -> Iterator[Complaint]:
    language = facts.section("shop").get("default_language", "en")
    is_language = isinstance(language, str) and wrong_form("language", language) is None
    for top in ("offers", "assets", "entitlements", "creators", "promo_codes"):
        for name, thing in facts.section(top).items():
            for key in ("title", "description", "badge", "about", "label"):
                wording = _mapping(thing).get(key)
                if isinstance(wording, dict) and wording and is_language and language not in wording:
                    message = f"lacks a text in the shop's default language, {language}"
                    yield Complaint((top, name, key), message, example={key: {language: "…"} | wording})


def _windows(facts: Facts) -> Iterator[Complaint]:
    for sku, offer in _offers(facts):
        window = _mapping(offer.get("available"))
        try:
            begin, end = read_instant(str(window.get("from"))), read_instant(str(window.get("until")))
        except (ValueError, OverflowError):
            continue
        if begin >= end:
            yield Complaint(
                ("offers", sku, "available", "until"), "must be later than `from`", meant=("offers", sku, "available")
            )


def _limits(facts: Facts) -> Iterator[Complaint]:
    for sku, offer in _offers(facts):
        listed = offer.get("limits")
        seen: dict[tuple[object, str], tuple[int, int]] = {}
        for index, limit in enumerate(listed if isinstance(listed, list) else []):
            per, count, window = _limit(limit)
            if count is None or window not in _WINDOWS:
                continue
            path: Path = ("offers", sku, "limits", index)
            if (per, window) in seen:
                yield Complaint(path, f"says again what [{seen[per, window][0]}] says: one limit per `per` and window")
                continue
            seen[per, window] = (index, count)
        yield from _unreachable(sku, seen)


def _unreachable(sku: str, seen: Mapping[tuple[object, str], tuple[int, int]]) -> Iterator[Complaint]:
    for (per, window), (index, count) in seen.items():
        for (other_per, other_window), (other, least) in seen.items():
            is_wider = _WINDOWS.index(other_window) > _WINDOWS.index(window)
            if per == other_per and is_wider and least < count:
                message = f"can never be reached: [{other}] allows only {least} per {other_window}"
                yield Complaint(("offers", sku, "limits", index, "count"), message)


def _limit(limit: object) -> tuple[object, int | None, str]:
    entry = _mapping(limit)
    count = entry.get("count")
    per = entry.get("per")
    is_count = isinstance(count, int) and not isinstance(count, bool)
    return str(per), count if is_count and isinstance(count, int) else None, str(entry.get("window", "lifetime"))


def _live_keys(facts: Facts) -> Iterator[Complaint]:
    listed = facts.value.get("keys")
    seen: dict[str, int] = {}
    for index, entry in enumerate(listed if isinstance(listed, list) else []):
        key, kind = _mapping(entry).get("key"), _mapping(entry).get("kind")
        path: Path = ("keys", index, "key")
        if not isinstance(key, str):
            continue
        prefix = _PREFIXES.get(kind) if isinstance(kind, str) else None
        if key.endswith(_DEMO_SUFFIX) and facts.is_live:
            yield Complaint(path, "is a demo key that everybody knows; in live mode take your own from the environment")
        elif prefix and not key.startswith(prefix):
            yield Complaint(path, f"must begin with {prefix} because its kind is {kind}")
        elif not key.endswith(_DEMO_SUFFIX) and len(key) < _LEAST_KEY_LENGTH:
            yield Complaint(path, f"must be at least {_LEAST_KEY_LENGTH} characters long, so that it cannot be guessed")
        elif key in seen:
            yield Complaint(path, f"is the same key as keys[{seen[key]}]")
        seen.setdefault(key, index)


def _gateways(facts: Facts) -> Iterator[Complaint]:
    gateways = facts.section("gateways")
    if facts.is_live and "sandbox" in gateways:
        yield Complaint(
            ("gateways", "sandbox"),
            "plays with test money; live mode does not allow it",
            at_key=True,
            meant=("gateways",),
        )
    key = _mapping(gateways.get("stripe")).get("secret_key")
    if isinstance(key, str):
        path: Path = ("gateways", "stripe", "secret_key")
        if facts.is_live and key.startswith(("sk_test_", "rk_test_")):
            yield Complaint(path, "is a test key; live mode needs a live key (sk_live_… or rk_live_…)")
        elif not facts.is_live and key.startswith(("sk_live_", "rk_live_")):
            yield Complaint(path, "is a live key; sandbox mode takes a test key (sk_test_… or rk_test_…)")
        if key.startswith(("sk_live_", "rk_live_")) and "api_base" in _mapping(gateways["stripe"]):
            yield Complaint(("gateways", "stripe", "api_base"), "a live key goes to Stripe and nowhere else")
    if facts.is_live and not gateways and any(any(real_prices_of(offer)) for _, offer in _offers(facts)):
        yield Complaint(
            ("gateways",), "is required: live mode has no sandbox, and some offers cost real money", meant=("gateways",)
        )


def _real_money(facts: Facts) -> Iterator[Complaint]:
    minimums = _minimums(facts)
    for sku, offer in _offers(facts):
        for where, currency, amount in real_prices_of(offer):
            if refusal := stripe_refuses(currency, amount, minimums):
                key = where[-1]
                example = {key: nearest_chargeable(currency, amount, minimums)}
                yield Complaint(("offers", sku, *where), refusal, example=example)


def _prices(facts: Facts) -> Iterator[Complaint]:
    offers = dict(_offers(facts))
    yield from price_complaints(offers, facts.section("price_lists"), _minimums(facts))


def _minimums(facts: Facts) -> dict[str, int]:
    """The operator's own smallest charges, currency -> minor units; what is no integer is complained of elsewhere."""
    given = _mapping(_mapping(facts.section("gateways").get("stripe")).get("minimum_amounts"))
    return {currency: least for currency, least in given.items() if type(least) is int}


def _addresses(facts: Facts) -> Iterator[Complaint]:
    web = facts.section("web")
    url = web.get("public_url")
    if facts.is_live and url is None:
        yield Complaint(
            ("web", "public_url"), "is required in live mode: every link is made from it", meant=("web", "public_url")
        )
    if facts.is_live and isinstance(url, str) and url.startswith("http://") and not _is_local(url):
        yield Complaint(("web", "public_url"), "must begin with https:// in live mode")
    if isinstance(url, str) and "://0.0.0.0" in url:
        yield Complaint(("web", "public_url"), "is an address to listen on, not one that browsers can open")
    origins = web.get("return_origins")
    for index, origin in enumerate(origins if isinstance(origins, list) else []):
        if facts.is_live and isinstance(origin, str) and origin.startswith("http://") and not _is_local(origin):
            yield Complaint(("web", "return_origins", index), "must begin with https:// in live mode")


def _auto_top_up(facts: Facts) -> Iterator[Complaint]:
    assets = list(facts.section("assets"))
    for code in _mapping(facts.section("auto_top_up").get("minimum_below")):
        if code not in assets:
            hint = did_you_mean(code, assets) or f"; this shop has {', '.join(assets) or 'none'}"
            path = ("auto_top_up", "minimum_below", code)
            yield Complaint(path, f"is no virtual currency of this shop{hint}", at_key=True)


def _anchors(facts: Facts) -> Iterator[Complaint]:
    listed = facts.section("audit").get("anchors")
    seen: dict[str, int] = {}
    for index, anchor in enumerate(listed if isinstance(listed, list) else []):
        path: Path = ("audit", "anchors", index)
        if not isinstance(anchor, dict):
            continue
        if ("file" in anchor) == ("webhook" in anchor):
            yield Complaint(path, "must be either a `file` or a `webhook`")
        elif "secret" in anchor and "webhook" not in anchor:
            yield Complaint((*path, "secret"), "is for webhooks; a file is not signed", at_key=True, meant=path)
        target = anchor.get("file", anchor.get("webhook"))
        if isinstance(target, str) and target in seen:
            yield Complaint(path, f"is the same as [{seen[target]}]")
        elif isinstance(target, str):
            seen[target] = index


def _signing(facts: Facts) -> Iterator[Complaint]:
    listed = facts.section("signing").get("keys")
    seen: dict[str, int] = {}
    for index, pem in enumerate(listed if isinstance(listed, list) else []):
        try:
            kid = read_signing_key(pem).thumbprint() if isinstance(pem, str) else None
        except NotASigningKey:
            continue  # its form is complained of where it is checked
        if kid is not None and seen.setdefault(kid, index) != index:
            yield Complaint(("signing", "keys", index), f"is the same key as [{seen[kid]}]")


def _tax(facts: Facts) -> Iterator[Complaint]:
    tax = facts.section("tax")
    listed = tax.get("rates")
    rates = listed if isinstance(listed, list) else []
    if tax.get("by") == "gateway":
        if tax.get("prices") == "exclusive":
            message = "must be inclusive where the gateway works out the tax: what it takes must be the price shown"
            yield Complaint(("tax", "prices"), message)
        if rates:
            message = "are not used where the gateway works out the tax"
            yield Complaint(("tax", "rates"), message, at_key=True, meant=("tax", "by"))
        return
    seen: dict[tuple[str, str], int] = {}
    for index, rate in enumerate(rates):
        country, tax_class = _mapping(rate).get("country"), _mapping(rate).get("class")
        if not isinstance(country, str) or not isinstance(tax_class, str):
            continue
        if (country, tax_class) in seen:
            first = seen[country, tax_class]
            yield Complaint(("tax", "rates", index), f"says again what [{first}] says: one rate per country and class")
        seen.setdefault((country, tax_class), index)
    yield from _tax_classes(facts, sorted({tax_class for _, tax_class in seen}))


def _tax_classes(facts: Facts, known: Sequence[str]) -> Iterator[Complaint]:
    if "tax" not in facts.value:
        return
    for sku, offer in _offers(facts):
        named = offer.get("tax_class")
        if isinstance(named, str) and named not in known:
            message = f"no rate under `tax:` is for the class {show_key(named)}{did_you_mean(named, known)}"
            yield Complaint(("offers", sku, "tax_class"), message)


def _giving(facts: Facts) -> Iterator[Complaint]:
    for index, kind in enumerate(_listed(facts.section("gifts").get("kinds"))):
        if isinstance(kind, str) and kind not in facts.kinds:
            message = f"there is no kind {show_key(kind)}{did_you_mean(kind, facts.kinds)}"
            yield Complaint(("gifts", "kinds", index), message)
    for code, asset in _mapping(facts.section("transfers").get("assets")).items():
        path: Path = ("transfers", "assets", code)
        least, most, day = (_mapping(asset).get(name) for name in ("minimum", "maximum", "per_day"))
        for name, value in (("maximum", most), ("per_day", day)):
            if isinstance(least, int) and isinstance(value, int) and value < least:
                yield Complaint((*path, name), f"must be at least the minimum, {least}")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _webhooks(facts: Facts) -> Iterator[Complaint]:
    listed = facts.section("webhooks").get("allow")
    for index, origin in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(origin, str) and wrong_form("origin", origin) is None and (refusal := never_allowed(origin)):
            yield Complaint(("webhooks", "allow", index), refusal)


def _usage(facts: Facts) -> Iterator[Complaint]:
    yield from usage_complaints(facts.value)


def _is_local(url: str) -> bool:
    try:
        return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False


def _offers(facts: Facts) -> Iterator[tuple[str, Mapping[str, object]]]:
    for sku, offer in facts.section("offers").items():
        yield sku, _mapping(offer)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _analytics(facts: Facts) -> Iterator[Complaint]:
    section = facts.section("analytics")
    if section.get("rates") and "currency" not in section:
        message = "says what one unit of each currency is, but not in which: add `currency:`"
        yield Complaint(("analytics", "rates"), message, example={"currency": "EUR", "rates": {"USD": "0.92"}})


_CHECKS: tuple[Callable[[Facts], Iterator[Complaint]], ...] = (
    _plugins,
    _kinds,
    _titles,
    _windows,
    _limits,
    _live_keys,
    _gateways,
    _real_money,
    _prices,
    _addresses,
    _auto_top_up,
    _anchors,
    _signing,
    _tax,
    _giving,
    _webhooks,
    promo_complaints,
    referral_complaints,
    _usage,
    _analytics,
    lambda facts: experiment_complaints(facts.value),
)
