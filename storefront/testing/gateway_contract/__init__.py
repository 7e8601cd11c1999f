"""The contract of a payment gateway: the same cases for every gateway, ours and any plugin author's.

    from storefront.testing.gateway_contract import CheckoutContract, RefundContract

    class TestMine(CheckoutContract, RefundContract):
        @pytest.fixture
        async def driver(self, tmp_path):
            async with ... as mine:
                yield MyDriver(mine)       # see ``Driver`` and its companions

Take one contract for each capability that your gateway has; one that is left out is found
(``test_every_capability_has_its_contract``). A driver plays the other side: payers, banks, a bad line.
"""

from storefront.testing.gateway_contract.base import AMOUNT, Contract
from storefront.testing.gateway_contract.checkouts import CaptureContract, CheckoutContract
from storefront.testing.gateway_contract.driver import (
    BankDriver,
    BooksDriver,
    CreatorDriver,
    Driver,
    LineDriver,
    PayerDriver,
    SavingDriver,
    WebhookDriver,
)
from storefront.testing.gateway_contract.off_session import OffSessionContract, SavingContract
from storefront.testing.gateway_contract.payments_out import BalanceContract, CreatorContract, MeterContract
from storefront.testing.gateway_contract.reversals import DisputeContract, RefundContract, RefundStepContract
from storefront.testing.gateway_contract.webhooks import WebhookContract

__all__ = [
    "AMOUNT",
    "BalanceContract",
    "BankDriver",
    "BooksDriver",
    "CaptureContract",
    "CheckoutContract",
    "Contract",
    "CreatorContract",
    "CreatorDriver",
    "DisputeContract",
    "Driver",
    "LineDriver",
    "MeterContract",
    "OffSessionContract",
    "PayerDriver",
    "RefundContract",
    "RefundStepContract",
    "SavingContract",
    "SavingDriver",
    "WebhookContract",
    "WebhookDriver",
]
