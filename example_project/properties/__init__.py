"""Meridian Quay's shop: units, orders for them, and what happens when a deposit was paid."""
