"""The pages for newcomers, followed word by word in a fresh environment: `tox run -e package`."""
