"""What a payer is asked for."""

from __future__ import annotations

import uuid

from django import forms


class StudentForm(forms.Form):
    # Sent along, so that a form which is sent twice begins one payment.
    payment = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)
    student = forms.CharField(max_length=100, label="Student's name")
    number = forms.RegexField(r"^[A-Z0-9-]{4,20}$", label="Student number, such as S-20417")
