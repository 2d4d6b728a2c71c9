"""Each public name explains itself where it is defined: the reference shows no other text."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any, Final

import pytest
from django.utils.module_loading import import_string

from django_redpin import embed, exceptions, forms, rest, services, testing
from docs._ext import inventory

from .test_reference import shown

# Whatever is public, by its path; all of it stands on a page by its signature and docstring.
PUBLIC: Final = sorted(
    {
        *(f"django_redpin.services.{name}" for name in services.__all__),
        *(f"django_redpin.embed.{name}" for name in embed.__all__),
        *(f"django_redpin.forms.{name}" for name in forms.__all__),
        *(f"django_redpin.rest.{name}" for name in rest.__all__),
        "django_redpin.csp.add_redpin_csp",
        "django_redpin.csp.redpin_csp",
        "django_redpin.decorators.payment_page",
        "django_redpin.logs.HideTokens",
        "django_redpin.receivers.on",
        "django_redpin.tasks.beat_schedule",
    }
)
FUNCTIONS: Final = [path for path in PUBLIC if inspect.isfunction(import_string(path))]


TESTING: Final = sorted(f"django_redpin.testing.{name}" for name in testing.__all__)


def test_every_public_function_and_class_stands_on_one_page() -> None:
    pages = [*shown("autofunction"), *shown("autoclass"), *shown("autoexception")]
    pages += shown("py:data")

    assert sorted(pages) == sorted([*PUBLIC, *TESTING])


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_thing_has_a_docstring_of_its_own(path: str) -> None:
    doc = import_string(path).__doc__ or ""

    # What a dataclass makes by itself is its signature.
    assert doc.partition("(")[0] not in ("", path.rpartition(".")[2])


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> Any:
    return inspect.unwrap(import_string(request.param))


def part(function: Any, title: str) -> dict[str, str]:
    """Return what a section of the docstring says, by name; a text without names is by ""."""
    doc = inspect.getdoc(function) or ""
    _, _, body = doc.partition(f"\n\n{title}:\n")
    body = textwrap.dedent(re.split(r"\n\n\w+:\n", body)[0])
    entries = re.findall(r"^(\w+): ((?:.+\n?)(?:^    .*\n?)*)", body, re.MULTILINE)
    return dict(entries) if entries else {"": body} if body else {}


def test_its_docstring_explains_each_argument_and_no_other(function: Any) -> None:
    assert list(part(function, "Args")) == list(inspect.signature(function).parameters)


def test_its_docstring_says_what_it_returns(function: Any) -> None:
    returns = inspect.signature(function).return_annotation

    assert bool(part(function, "Returns")) == (returns != "None")


def test_its_docstring_names_what_it_raises_itself(function: Any) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = {
        ast.unparse(node.exc.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }
    if any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "require_no_transaction"
        for node in ast.walk(tree)
    ):
        raised.add("OpenTransactionError")

    assert raised <= set(part(function, "Raises"))


def test_what_a_docstring_says_is_raised_is_an_error_that_there_is(function: Any) -> None:
    known = {*exceptions.__all__, "TypeError", "ValueError"}

    assert part(function, "Raises").keys() <= known


def test_every_error_stands_in_the_tree_that_the_page_shows() -> None:
    assert {kind.__name__ for kind in inventory.error_kinds()} == set(exceptions.__all__)
    assert (shown("redpin-errors"), shown("redpin-error-summary")) == ([""], [""])


@pytest.mark.parametrize("kind", inventory.error_kinds(), ids=lambda kind: kind.__name__)
def test_an_error_explains_each_of_its_attributes(kind: type[exceptions.RedpinError]) -> None:
    above = [base for base in kind.__mro__ if issubclass(base, exceptions.RedpinError)]
    told = " ".join(inspect.getdoc(base) or "" for base in above)
    own = {
        name
        for base in above
        for name in re.findall(r"self\.([a-z]\w*)(?:: [^=\n]+)? = ", inspect.getsource(base))
    }
    own |= {
        name for base in above for name, each in vars(base).items() if isinstance(each, property)
    }

    assert "__doc__" in vars(kind)
    assert [name for name in sorted(own) if f"`{name}`" not in told] == []
