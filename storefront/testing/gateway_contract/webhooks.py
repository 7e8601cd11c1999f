"""Contract of what the gateway posts to us: whom it is from, when it was signed, and what it is about."""

import pytest

from storefront.core.gateways import BadSignature, Subject, Webhooks
from storefront.testing.gateway_contract.base import Contract
from storefront.testing.gateway_contract.driver import WebhookDriver

HOUR_SECONDS = 3600


class WebhookContract(Contract):
    capability = Webhooks

    async def raw(self, driver: WebhookDriver) -> bytes:
        await self.paid(driver)
        return await driver.last_webhook()

    async def test_an_event_names_the_payment_it_is_about(self, driver: WebhookDriver) -> None:
        paid = await self.paid(driver)
        raw = await driver.last_webhook()
        event = driver.gateway.read_event(raw, driver.sign(raw))

        assert event.subject is Subject.PAYMENT
        assert event.purchase_id == paid.purchase_id or event.reference == paid.reference
        assert (event.is_live, event.note) == (False, None)
        assert event.id

    async def test_what_another_secret_signed_is_refused(self, driver: WebhookDriver) -> None:
        raw = await self.raw(driver)

        with pytest.raises(BadSignature):
            driver.gateway.read_event(raw, driver.sign(raw, is_ours=False))

    @pytest.mark.parametrize("age_seconds", [HOUR_SECONDS, -HOUR_SECONDS])
    async def test_what_was_signed_at_another_time_is_refused(self, driver: WebhookDriver, age_seconds: int) -> None:
        raw = await self.raw(driver)

        with pytest.raises(BadSignature):
            driver.gateway.read_event(raw, driver.sign(raw, age_seconds=age_seconds))

    async def test_a_changed_body_is_refused(self, driver: WebhookDriver) -> None:
        raw = await self.raw(driver)
        headers = driver.sign(raw)

        with pytest.raises(BadSignature):
            driver.gateway.read_event(raw + b" ", headers)

    @pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b"null"])
    async def test_bytes_that_are_no_event_are_refused(self, driver: WebhookDriver, raw: bytes) -> None:
        with pytest.raises(BadSignature):
            driver.gateway.read_event(raw, driver.sign(raw))

    async def test_without_a_signature_nothing_is_read(self, driver: WebhookDriver) -> None:
        raw = await self.raw(driver)

        with pytest.raises(BadSignature):
            driver.gateway.read_event(raw, {})
