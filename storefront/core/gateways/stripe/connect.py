"""Connect: accounts of creators, and money moved there from our balance and back."""

from typing import Any

import msgspec

from storefront.core.gateways import (
    AccountFacts,
    Checkout,
    GatewayRefused,
    OnboardingRequest,
    TransferFacts,
    TransferRequest,
)
from storefront.core.gateways.stripe.amounts import from_stripe, to_stripe
from storefront.core.gateways.stripe.client import MOST_PER_PAGE, StripeAccount, key_of_this_call, options
from storefront.core.gateways.stripe.payments import INTENTS
from storefront.core.gateways.stripe.translating import Named
from storefront.core.money import Money

ACCOUNTS = "accounts"
TRANSFERS = "transfers"
REVERSALS = "transfers.reversals"


class _Requirements(msgspec.Struct):
    currently_due: list[str] | None = None
    past_due: list[str] | None = None


class _Account(msgspec.Struct, tag_field="object", tag="account"):
    id: str
    capabilities: dict[str, str] = {}
    country: str | None = None
    metadata: dict[str, str] = {}
    payouts_enabled: bool = False
    requirements: _Requirements | None = None


class _Link(msgspec.Struct):
    url: str


class _Transfer(msgspec.Struct, tag_field="object", tag="transfer"):
    id: str
    amount: int
    amount_reversed: int
    currency: str
    destination: str
    livemode: bool
    metadata: dict[str, str] = {}

    def as_facts(self) -> TransferFacts:
        return TransferFacts(
            reference=self.id,
            account=self.destination,
            amount=from_stripe(self.amount, self.currency),
            reversed_minor=from_stripe(self.amount_reversed, self.currency).amount_minor,
            is_live=self.livemode,
            transfer_id=self.metadata.get("transfer_id"),
        )


class _TransferPage(msgspec.Struct):
    data: list[_Transfer]


class _Reversal(msgspec.Struct, tag_field="object", tag="transfer_reversal"):
    id: str
    metadata: dict[str, str] = {}


class _PaidIntent(msgspec.Struct, tag_field="object", tag="payment_intent"):
    id: str
    latest_charge: str | None = None


class ConnectCalls(StripeAccount):
    """Onboarding creators, and transfers to them."""

    async def onboard(self, request: OnboardingRequest) -> Checkout:
        """Make the creator's account, once, and a link to Stripe's own form; links are short-lived and work once."""
        account = request.account or await self._make_account(request)
        parameters: Any = {
            "account": account,
            "type": "account_onboarding",
            "return_url": request.return_url,
            "refresh_url": request.refresh_url,
            "collection_options": {"fields": "eventually_due"},
        }
        key = key_of_this_call("onboard", request.creator_id)
        link = await self._write(
            "account_links", _Link, lambda client: client.v1.account_links.create_async(parameters, options(key))
        )
        return Checkout(reference=account, redirect_url=link.url)

    async def look_up_account(self, reference: str) -> AccountFacts:
        account = await self._read(ACCOUNTS, _Account, lambda client: client.v1.accounts.retrieve_async(reference))
        asked = account.requirements or _Requirements()
        return AccountFacts(
            reference=account.id,
            creator_id=account.metadata.get("creator_id"),
            may_receive=account.capabilities.get("transfers") == "active",
            may_pay_out=account.payouts_enabled,
            missing=tuple(sorted({*(asked.currently_due or ()), *(asked.past_due or ())})),
            country=account.country,
            is_live=self._is_live,
        )

    async def transfer(self, request: TransferRequest) -> TransferFacts:
        """Move money to a creator's account; a transfer that Stripe knows already is not made again.

        Stripe forgets keys after a day, so it is looked for first.
        """
        known = await self.find_transfer(request)
        if known is not None:
            return known
        parameters: Any = {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency.lower(),
            "destination": request.account,
            "metadata": {"transfer_id": request.transfer_id},
        }
        if request.payment is None:
            parameters["transfer_group"] = request.transfer_id
        else:
            parameters["source_transaction"] = await self._charge_of(request.payment)
        made = await self._write(
            TRANSFERS,
            _Transfer,
            lambda client: client.v1.transfers.create_async(parameters, options(f"transfer:{request.transfer_id}")),
        )
        return made.as_facts()

    async def find_transfer(self, request: TransferRequest) -> TransferFacts | None:
        """Look for a transfer by our own id: its group, or among the account's newest hundred if it came of a payment,
        whose group it is in."""
        by = {"destination": request.account} if request.payment else {"transfer_group": request.transfer_id}
        parameters: Any = {**by, "limit": MOST_PER_PAGE}
        page = await self._read(TRANSFERS, _TransferPage, lambda client: client.v1.transfers.list_async(parameters))
        found = (each for each in page.data if each.metadata.get("transfer_id") == request.transfer_id)
        return next((each.as_facts() for each in found), None)

    async def reverse_transfer(self, reversal_id: str, transfer: str, amount: Money) -> TransferFacts:
        """Take a transfer back, or a part; a reversal that Stripe knows already is not made again."""
        known = await self._read_all(
            REVERSALS, _Reversal, lambda client, page: client.v1.transfers.reversals.list_async(transfer, page)
        )
        if all(reversal.metadata.get("reversal_id") != reversal_id for reversal in known):
            parameters: Any = {"amount": to_stripe(amount), "metadata": {"reversal_id": reversal_id}}
            key = f"transfer_reversal:{reversal_id}"
            await self._write(
                REVERSALS,
                Named,
                lambda client: client.v1.transfers.reversals.create_async(transfer, parameters, options(key)),
            )
        return await self.look_up_transfer(transfer)

    async def look_up_transfer(self, reference: str) -> TransferFacts:
        found = await self._read(TRANSFERS, _Transfer, lambda client: client.v1.transfers.retrieve_async(reference))
        return found.as_facts()

    async def _make_account(self, request: OnboardingRequest) -> str:
        """Make an account with Stripe's light dashboard; its payouts are ours to start."""
        parameters: Any = {
            "country": request.country,
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"creator_id": request.creator_id},
        }
        if request.email is not None:
            parameters["email"] = request.email
        made = await self._write(
            ACCOUNTS,
            Named,
            lambda client: client.v1.accounts.create_async(parameters, options(f"account:{request.creator_id}")),
        )
        return made.id

    async def _charge_of(self, payment: str) -> str:
        intent = await self._read(
            INTENTS, _PaidIntent, lambda client: client.v1.payment_intents.retrieve_async(payment)
        )
        if intent.latest_charge is None:
            raise GatewayRefused("This payment has not been charged, so that nothing of it can be transferred.")
        return intent.latest_charge
