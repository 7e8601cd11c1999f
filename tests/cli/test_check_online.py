"""``storefront check --online``: what the gateway says of the YAML's keys, before anybody pays."""

import json

import pytest
import stripe

from storefront.testing import TINY_SHOP
from tests.cli.conftest import storefront
from tests.cli.test_sandbox_alone import running


@pytest.fixture
def apart(tmp_path):
    """A shop whose sandbox runs apart, at an address that is filled in."""

    def write(gateways, mode="sandbox"):
        path = tmp_path / "shop.yaml"
        text = TINY_SHOP.replace("gateways: {sandbox: {}}", f"gateways: {gateways}")
        path.write_text(text.replace("${DATA}", str(tmp_path / "data")).replace("mode: sandbox", f"mode: {mode}"))
        return path

    return write


STRIPE = "{stripe: {secret_key: '${KEY}', webhook_secret: '${HOOK}', api_base: '%s'}}"


def online(path, key="sk_test_unused"):
    told = storefront("check", path, "--online", "--json", KEY=key, HOOK="whsec_" + "a" * 30)
    found = json.loads(told.stdout)
    return told.returncode, found["ok"], {one["fact"]: (one["ok"], one["says"]) for one in found["online"]}


def test_a_sandbox_that_runs_takes_the_keys_and_says_what_it_is(apart, tmp_path):
    with running("--data", str(tmp_path / "data")) as url:
        path = apart(f"{{sandbox: {{url: '{url}'}}, manual: {{instructions: Send it.}}}}")
        told = storefront("check", path, "--online")
        assert told.returncode == 0, told
        lines = [line.strip() for line in told.stdout.splitlines() if " sandbox " in line or " manual " in line]
        assert lines == [
            "✓ sandbox keys: the gateway takes them",
            "✓ sandbox mode: test keys, as a sandbox shop needs",
            "✓ sandbox version: it answers in 2026-10-28.endive",
            "✓ sandbox webhooks: posted to http://127.0.0.1:8080/webhooks/sandbox",
            "– manual keys: there is nothing that it could be asked",
        ]


def test_a_key_that_is_not_known_there_is_told_with_what_to_do(apart, tmp_path):
    with running("--data", str(tmp_path / "data")) as url:
        code, is_ok, found = online(apart(STRIPE % url), "sk_test_of_somebody_else")
    assert (code, is_ok) == (1, False)
    assert found == {
        "keys": (False, "Stripe does not accept our key. Copy the key into gateways.stripe again; "
                        "docs/payments.md lists the rights it needs.")
    }  # fmt: skip


def test_a_gateway_without_an_endpoint_for_this_shop_is_told_of(apart, tmp_path):
    with running("--data", str(tmp_path / "data")) as url:
        key = (tmp_path / "data" / "keys" / "sandbox.secret_key").read_text()
        code, is_ok, found = online(apart(STRIPE % url), key)
    assert (code, is_ok) == (1, False)
    assert (found["keys"][0], found["mode"][0], found["version"][0]) == (True, True, True)
    assert found["webhooks"] == (False, "no endpoint leads to /webhooks/stripe. Make one there: docs/payments.md")


def test_an_endpoint_that_is_switched_off_there_is_told_of(apart, tmp_path):
    with running("--data", str(tmp_path / "data")) as url:
        key = (tmp_path / "data" / "keys" / "sandbox.secret_key").read_text()
        client = stripe.StripeClient(key, base_addresses={"api": url})
        for endpoint in client.v1.webhook_endpoints.list():
            client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        code, is_ok, found = online(apart(f"{{sandbox: {{url: '{url}'}}}}"))
    assert (code, is_ok) == (1, False)
    hook = "http://127.0.0.1:8080/webhooks/sandbox"
    assert found["webhooks"] == (False, f"switched off at the gateway: {hook}")


def test_a_sandbox_that_does_not_run_is_told_how_to_start(apart):
    code, _, found = online(apart("{sandbox: {url: 'http://127.0.0.1:9'}}"))
    assert code == 1
    says = "it does not answer: it does not run at the address that the YAML means. `storefront sandbox` starts it; "
    assert found == {"keys": (False, says + "then check again.")}


def test_without_online_no_gateway_is_asked(apart):
    told = storefront("check", apart("{sandbox: {url: 'http://127.0.0.1:9'}}"), "--json")
    assert (told.returncode, "online" in json.loads(told.stdout)) == (0, False)
