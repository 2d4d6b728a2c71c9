"""What a payer is asked for."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms


class StudentForm(forms.Form):
    # Sent along, so that a form which is sent twice begins one payment. It is made of what the form
    # says, too: who goes back and pays for another student begins another one.
    payment = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)
    student = forms.CharField(max_length=100, label="Student's name")
    number = forms.RegexField(r"^[A-Z0-9-]{4,20}$", label="Student number, such as S-20417")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            data["payment"] = uuid.uuid5(data["payment"], f"{data['number']} {data['student']}")
        return data
