"""How a one-time code is sent: by SMS or voice, at the payer's choice."""

from __future__ import annotations

import re

from django.test import Client

from django_redpin.sandbox.models import OneTimeCode

from .browser import Browser
from .conftest import Program


def test_a_code_comes_as_a_text_message_or_by_a_voice(program: Program) -> None:
    browser = Browser(program.session())
    assert browser.forms["send-code"].fields == {"channel"}
    browser.submit("send-code", channel="voice")
    code = OneTimeCode.objects.get()
    assert code.channel == "voice"
    outbox = Client().get("/outbox/").content.decode()
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    said = ", ".join(words[int(digit)] for digit in code.code)
    found = re.search(r'data-spoken="[^"]+">([^<]+)<', outbox)
    assert found is not None
    assert found[1] == said
    assert "Phone call" in outbox
    assert re.search(r'value="voice" checked', browser.html)
    browser.submit("verify-code", code=browser.code())
    assert browser.title == "Review and pay"


def test_without_a_choice_a_code_is_a_text_message(program: Program) -> None:
    browser = Browser(program.session())
    browser.submit("send-code")
    assert OneTimeCode.objects.get().channel == "sms"
    outbox = Client().get("/outbox/").content.decode()
    assert "Text message" in outbox
    assert "data-spoken" not in outbox


def test_a_way_that_is_not_offered_sends_nothing(program: Program) -> None:
    browser = Browser(program.session())
    response = browser.submit("send-code", channel="pigeon")
    assert response.status_code == 422
    assert not OneTimeCode.objects.exists()
