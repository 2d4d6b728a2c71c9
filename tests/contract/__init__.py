"""What whoever plays Redpin has to do: the kit's fake, the sandbox, and the tests' own server."""
