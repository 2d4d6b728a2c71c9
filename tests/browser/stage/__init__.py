"""The tests' own app in the merchant's process: rows as a test wants them, and plain pages."""
