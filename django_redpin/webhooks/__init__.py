"""What Redpin posts to us: verify, store, answer. What it means is for the services."""
