"""What the docs take from the code: `inventory.py` reads it, `reference.py` shows it by Sphinx."""
