"""A local Redpin for development and tests: the provider's HTTP API, hosted page and callbacks.

It plays the other side, so it imports nothing from the rest of the package and nothing imports it.
"""
