"""The public interface as a merchant writes it: nothing here runs, mypy and pyright read it."""
