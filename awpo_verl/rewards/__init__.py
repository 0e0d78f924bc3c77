"""Rewards: from one finished rollout to its outcome and reasoning."""
