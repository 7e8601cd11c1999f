"""Referrals: a customer brings a new one, and both are rewarded once the new one has paid real money."""
