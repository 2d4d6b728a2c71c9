"""The demo: starts merchant, sandbox, worker and clock, and can pay by itself."""
