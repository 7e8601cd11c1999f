"""The page on which customers look after their subscriptions themselves: ``/account``."""
