"""The exponents of the growth curves, their pictures and the flame graphs, on numbers of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import flames, growth, page, pictures
from benchmarks.curves import Chart, Curve, exponent
from benchmarks.options import Options
from benchmarks.results import result

SIZES = (1.0, 10.0, 100.0, 1_000.0)
CHART = Chart("growth-x", "By x", "things", (Curve("work", {1: 0.001, 100: 0.01}),))


@pytest.mark.parametrize("slope", [0, 0.1, 0.5, 1, 2, -1])
def test_the_exponent_of_a_power_law_is_found(slope: float) -> None:
    assert exponent({x: 0.003 * x**slope for x in SIZES}) == pytest.approx(slope)


def test_the_exponent_does_not_depend_on_the_units() -> None:
    points = {1.0: 2.0, 10.0: 2.5, 100.0: 9.0, 1_000.0: 11.0}

    scaled = {x * 1024: y * 1e-6 for x, y in points.items()}
    assert exponent(scaled) == pytest.approx(exponent(points))


def test_each_point_has_a_part_in_the_exponent() -> None:
    # By hand: logarithms 0, 1, 2 and 0, 0, 3, to the base of 10; the sums are 3 and 2.
    assert exponent({1: 1, 10: 1, 100: 1_000}) == pytest.approx(1.5)


@pytest.mark.parametrize("points", [{}, {1: 1.0}, {1: 0.0, 10: 1.0}, {0: 1.0, 10: 1.0}])
def test_what_has_no_exponent_is_refused(points: dict[float, float]) -> None:
    with pytest.raises(ValueError, match=r"two points|math domain error|positive"):
        exponent(points)


def test_the_exponents_are_written_beside_what_a_run_found(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps({"keys": {"webhook_statements": {"value": 1}}, "growth": "old"}))

    growth.write([CHART], path)

    told = json.loads(path.read_text())
    assert told["keys"]["webhook_statements"]["value"] == 1
    assert told["growth"] == [
        {
            "title": "By x",
            "x": "things",
            "picture": "growth-x.svg",
            "curves": [
                {"name": "work", "exponent": 0.5, "points_us": [[1, 1000.0], [100, 10000.0]]}
            ],
        }
    ]


def test_the_exponents_of_the_docs_outlive_a_later_run(tmp_path: Path) -> None:
    (tmp_path / "benchmarks.md").write_text(f"{page.BEGIN}\n{page.END}\n")
    growth.write([CHART], tmp_path / "benchmarks.json")

    for at in ("2026-01-01", "2026-01-02"):
        page.rewrite({**result(Options(), [], {}, []), "at": at}, tmp_path)

    told = json.loads((tmp_path / "benchmarks.json").read_text())
    assert told["growth"] == [CHART.to_dict()]
    assert told["at"] == "2026-01-02"


def test_exponents_are_written_where_no_run_has_written_yet(tmp_path: Path) -> None:
    growth.write([CHART], tmp_path / "new.json")

    assert list(json.loads((tmp_path / "new.json").read_text())) == ["growth"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1e-5, "10 µs"), (3e-3, "3 ms"), (1, "1 s"), (10, "10 s"), (3e-7, "0.3 µs")],
)
def test_an_axis_tells_times_with_their_unit(seconds: float, text: str) -> None:
    assert pictures.duration(seconds) == text


def test_each_colour_has_one_for_the_dark() -> None:
    drawn = '<svg>\n<g id="figure"><path style="stroke: #0072b2"/> \n</g></svg>'

    shaded = pictures.shaded(drawn)

    assert '[style*="stroke: #0072b2"] { stroke: #56b4e9 !important; }' in shaded
    assert shaded.index("<style>") < shaded.index('<g id="figure">')
    assert shaded.endswith('<path style="stroke: #0072b2"/>\n</g></svg>')
    for colour, _marker, _dash in pictures._STYLES:
        assert colour in pictures._DARK


def test_no_two_curves_look_the_same_even_without_colours() -> None:
    assert len({(marker, dash) for _colour, marker, dash in pictures._STYLES}) == 3


def test_a_flame_graph_says_nothing_of_the_machine() -> None:
    frames = [
        f"<title>run ({flames.ROOT}/benchmarks/flames.py:1) (5 samples)</title>",
        "<title>get (/opt/x/lib/python3.12/site-packages/django/views.py:2) (3 samples)</title>",
        "<title>loads (/usr/lib/python3.12/json/__init__.py:3) (1 samples)</title>",
        "<title>post (django_redpin/webhooks/view.py:4) (1 samples)</title>",
    ]

    assert flames.without_folders("".join(frames)) == (
        "<title>run (benchmarks/flames.py:1) (5 samples)</title>"
        "<title>get (django/views.py:2) (3 samples)</title>"
        "<title>loads (json/__init__.py:3) (1 samples)</title>"
        "<title>post (django_redpin/webhooks/view.py:4) (1 samples)</title>"
    )


def test_a_flame_graph_has_a_title_of_ours() -> None:
    drawn = (
        '<text id="title" fill="black" y="24">/opt/py-spy record --pid 1</text><text>main</text>'
    )

    assert flames.named(drawn, "Intake") == (
        '<text id="title" fill="black" y="24">Intake</text><text>main</text>'
    )


def test_there_is_something_to_look_at_under_each_title() -> None:
    assert set(flames.WORKS) == set(flames.TITLES)


@pytest.mark.parametrize("name", flames.TITLES)
def test_the_flame_graphs_of_the_docs_are_small_and_of_no_machine(name: str) -> None:
    text = (flames.IMAGES / f"flames-{name}.svg").read_text()

    assert len(text) < 300_000
    assert flames.without_folders(text) == text
    assert f">{flames.TITLES[name]}<" in text
