"""Measurements: not part of the package, and not of the tests."""
