"""gunicorn's settings, in a file because older versions pass over names that they don't know."""

# It would lie in the home directory, where that of another gunicorn may be.
control_socket_disable = True
