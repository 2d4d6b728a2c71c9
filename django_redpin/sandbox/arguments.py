"""What a control is given, by a form or by JSON, and the refusal that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from .control import ControlError
from .fields import is_clean

_MOST_DIGITS = 20


class Refused(ControlError):
    """A control cannot do what it was asked: 400, or 409 where it can't as things stand.

    The text begins with the argument that is wrong, if one is.
    """

    def __init__(self, description: str, field: str = "", status: int = 400) -> None:
        super().__init__(f"{field} {description}".strip(), status=status, field=field or None)


class Arguments:
    """The arguments of one control, each read by its name. An empty text counts as not given."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Raise Refused for an argument that the control does not take."""
        for name in self._document:
            if name not in known:
                takes = ", ".join(known)
                cure = _("is not taken here; what is: %s") % takes if takes else ""
                raise Refused(cure or _("is not taken here; nothing is"), name)

    def text(self, name: str, *, most: int = 100) -> str:
        """Return an argument as text, "" if it is not given. Raises Refused.

        A number of JSON is as good as one that was typed into a form.
        """
        value = self._document.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise Refused(_("must be a text or a number"), name)
        text = str(value).strip()
        if len(text) > most:
            raise Refused(_("must have at most %d characters") % most, name)
        if not is_clean(text):
            raise Refused(_("must not contain control characters"), name)
        return text

    def required_text(self, name: str, *, most: int = 100) -> str:
        """Return an argument as text. Raises Refused if it is not given."""
        text = self.text(name, most=most)
        if not text:
            raise Refused(_("is required"), name)
        return text

    def number(self, name: str, default: int | None = None, *, rule: str = "") -> Decimal | None:
        """Return an argument as a number, exact; the default if not given.

        Raises Refused, with the rule that it breaks.
        """
        text = self.text(name)
        if not text:
            return None if default is None else Decimal(default)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        # Also bounds what an exponent would write out.
        if len(text) > _MOST_DIGITS or not number.is_finite() or abs(number) >= 10**18:
            raise Refused(rule or _("must be a number, such as 10 or 12.50"), name)
        return number

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int | None:
        """Return an argument as a whole number; the default if not given. Raises Refused."""
        bounds = {"least": least, "most": most}
        rule = _("must be a whole number from %(least)d to %(most)d") % bounds
        number = self.number(name, default, rule=rule)
        if number is None:
            return None
        if number != int(number) or not least <= number <= most:
            raise Refused(rule, name)
        return int(number)

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """Return an argument that is one of the choices. Raises Refused."""
        text = self.required_text(name)
        known = list(choices)
        if text not in known:
            raise Refused(_("must be one of: %s") % ", ".join(known), name)
        return text
