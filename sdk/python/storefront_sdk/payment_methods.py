"""Payment methods that a customer has saved: list them, save one without paying, forget one."""

from urllib.parse import quote as quoted

from storefront_sdk.models import Document, PaymentMethod, PaymentMethodSetup
from storefront_sdk.transport import Transport, understood

_PATH = "/v1/payment-methods"


class PaymentMethods:
    """``shop.payment_methods``; with a server key every call names the ``customer``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, customer: str | None = None) -> tuple[PaymentMethod, ...]:
        """Return the methods that a customer has saved, oldest first; ``purchase(payment_method=…)`` charges one."""
        reply = await self._transport.read(_PATH, query=_of(customer))
        return understood(_methods, reply.document)

    async def setup(
        self,
        *,
        customer: str | None = None,
        gateway: str | None = None,
        currency: str | None = None,
        return_url: str | None = None,
    ) -> PaymentMethodSetup:
        """Open a page on which the customer saves a method without paying: send them to ``redirect_url``.

        They come back to ``return_url`` with ``setup=`` in the address.
        """
        wanted = {"customer": customer, "gateway": gateway, "currency": currency, "return_url": return_url}
        body = {name: value for name, value in wanted.items() if value is not None}
        reply = await self._transport.write(f"{_PATH}/setups", body, takes_key=False)
        return understood(PaymentMethodSetup.of, reply.document)

    async def get_setup(self, setup: PaymentMethodSetup | str, *, customer: str | None = None) -> PaymentMethodSetup:
        """Ask how the saving of a method ended."""
        named = setup.id if isinstance(setup, PaymentMethodSetup) else quoted(setup, safe="")
        reply = await self._transport.read(f"{_PATH}/setups/{named}", query=_of(customer))
        return understood(PaymentMethodSetup.of, reply.document)

    async def forget(self, method: PaymentMethod | str, *, customer: str | None = None) -> None:
        """Forget a method, here and at its gateway; what was paid with it stays paid."""
        named = method.id if isinstance(method, PaymentMethod) else quoted(method, safe="")
        await self._transport.delete(f"{_PATH}/{named}", query=_of(customer))


def _of(customer: str | None) -> dict[str, str]:
    return {} if customer is None else {"customer": customer}


def _methods(document: Document) -> tuple[PaymentMethod, ...]:
    return tuple(PaymentMethod.of(one) for one in document["data"])
