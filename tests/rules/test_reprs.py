"""What a fault and a payee look like as text."""

from __future__ import annotations

from django_redpin.rules.faults import Fault

from .samples import ESCROW, RIGHT


def test_a_fault_reads_as_its_path_and_what_to_change() -> None:
    assert str(Fault("due_date", "too_soon", "Later, please.")) == "due_date: Later, please."


def test_a_payee_shows_no_bank_details() -> None:
    assert "AE07" not in repr(RIGHT)
    assert "501" in repr(ESCROW)
