"""What a page tells is read as a person would, and what nobody could follow is told."""

from __future__ import annotations

import pytest

from .reading import Action, Commands, File, Said, UnclearPage, Visit, steps_of
from .terminals import has_printed

PAGE = """
# A page

```console
make it
```

```text
made … things
```

```{code-block} python
:caption: shop/models.py

first = 1
```

```{code-block} python
:caption: shop/models.py, at its end

second = 2
```

```{code-block} console
:caption: A second terminal

serve it
```

```{code-block} text
:caption: A second terminal

served
```

1. Open <http://127.0.0.1:8000/>, put `ada` into **Name**, and
   choose **Blue** as **Colour**. In the frame, press **Pay**.
2. Reload the page until you see **Paid**.

- Other lists **tell** something.

<!-- not run: it is an example of what not to write -->
```python
third = 3
```
"""


def test_each_kind_of_step_is_read_in_its_order() -> None:
    assert steps_of(PAGE) == [
        Commands("make it\n", prints=["made … things"]),
        File("shop/models.py", "first = 1\n"),
        File("shop/models.py", "second = 2\n", is_added=True),
        Commands("serve it\n", "A second terminal"),
        Said("A second terminal", ["served"]),
        Visit(
            [
                Action("open", "http://127.0.0.1:8000/"),
                Action("type", "ada", "Name"),
                Action("choose", "Blue", "Colour"),
                Action("press", "Pay", is_in_frame=True),
                Action("reload", "Paid"),
            ]
        ),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "```python\nx = 1\n```\n",
        "```{code-block} python\n:caption: somewhere in the settings\n\nx = 1\n```\n",
        "```{literalinclude} shop.py\n```\n",
        "```text\nprinted by nothing\n```\n",
        "1. Wiggle **Something**.\n",
        "1. Go to <http://127.0.0.1:8000/>.\n",
    ],
    ids=["no file", "no path", "no block", "no command", "no action", "no address to open"],
)
def test_what_nobody_could_follow_is_told(page: str) -> None:
    with pytest.raises(UnclearPage):
        steps_of(page)


@pytest.mark.parametrize(
    ("lines", "is_there"),
    [
        (["one", "three"], True),
        (["t…e"], True),
        (["three", "one"], False),
        (["one", "one"], False),
        (["t.o"], False),
    ],
)
def test_printed_lines_are_looked_for_in_their_order(lines: list[str], *, is_there: bool) -> None:
    assert has_printed("one\ntwo\nthree\n", lines) is is_there
