"""Raffles for Storefront: numbered tickets, a draw, a prize."""

from storefront_raffle.plugin import RafflePlugin

__all__ = ["RafflePlugin"]
