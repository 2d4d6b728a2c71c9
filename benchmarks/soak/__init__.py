"""The soak: a whole project under load and faults for minutes. See docs/soak.md."""
