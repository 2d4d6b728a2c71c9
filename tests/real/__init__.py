"""Real parts: gunicorn, Celery workers, brokers and databases, each in processes of its own."""
