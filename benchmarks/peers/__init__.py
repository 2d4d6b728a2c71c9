"""The others: hand-written views, and what other packages do."""
