"""What a platform adds that takes payments for its tenants. The demo, of one merchant, has none."""
