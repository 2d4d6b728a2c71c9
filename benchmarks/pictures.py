"""Charts as SVG: both axes logarithmic, so that a power law is a line, and its exponent the slope.

Each curve has a colour of Okabe and Ito's, which all eyes tell apart, and a marker and a dash of
its own. The picture is light or dark as its reader's system is.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .curves import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK: Final = "#1f2328"
_PAPER: Final = "#fdfdfd"
_GRID: Final = "#d0d4d9"
_STYLES: Final = (("#0072b2", "o", "-"), ("#d55e00", "s", "--"), ("#007a59", "^", "-."))
# What each colour is in the dark.
_DARK: Final = {
    _INK: "#e6edf3",
    _PAPER: "#15181d",
    _GRID: "#3d444d",
    "#0072b2": "#56b4e9",
    "#d55e00": "#e69f00",
    "#007a59": "#33c498",
}
_UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def draw(chart: Chart, folder: Path) -> Path:
    """Draw the chart into the folder, and return the picture's path."""
    path = folder / f"{chart.file}.svg"
    path.write_text(shaded(_svg(chart)), encoding="utf-8")
    return path


def shaded(svg: str) -> str:
    """Return the SVG with colours that change where the reader's system is dark."""
    rules = [
        f'[style*="{what}: {light}"] {{ {what}: {dark} !important; }}'
        for light, dark in _DARK.items()
        for what in ("fill", "stroke")
    ]
    style = f"<style>@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}</style>"
    head, opening, rest = svg.partition("<g ")
    return "\n".join(line.rstrip() for line in f"{head}{style}\n{opening}{rest}".splitlines())


def duration(seconds: float) -> str:
    """Return a time as an axis shows it: 20 µs, 3 ms, 1 s."""
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds / size:g} {unit}"


def _svg(chart: Chart) -> str:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    settings: Any = {
        "axes.edgecolor": _INK,
        "axes.facecolor": _PAPER,
        "axes.labelcolor": _INK,
        "figure.facecolor": _PAPER,
        "font.family": "sans-serif",
        "font.size": 11,
        "grid.color": _GRID,
        "svg.fonttype": "none",  # Text stays text: it can be read aloud, and is small.
        "svg.hashsalt": chart.file,  # The same points make the same file.
        "text.color": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    drawn = io.StringIO()
    with mpl.rc_context(settings):
        figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
        _plot(axes, chart)
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": chart.title})
        plt.close(figure)
    return drawn.getvalue()


def _plot(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import LogLocator

    for curve, (colour, marker, dash) in zip(chart.curves, _STYLES, strict=False):
        axes.plot(
            list(curve.points),
            list(curve.points.values()),
            color=colour,
            marker=marker,
            linestyle=dash,
            linewidth=2,
            label=f"{curve.name}: exponent {round(curve.exponent, 2) + 0.0:.2f}",
        )
    axes.set_xscale("log")
    axes.set_xticks(list(chart.curves[0].points))
    axes.set_yscale("log")
    low = min(min(curve.points.values()) for curve in chart.curves)
    high = max(max(curve.points.values()) for curve in chart.curves)
    # At least two decades: what is flat has to look flat. Room above for the legend.
    axes.set_ylim(low / 4, max(high * 10, low * 40))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,g}" if x < 1e6 else f"{x / 1e6:g} M")
    axes.minorticks_off()
    axes.set_title(chart.title)
    axes.set_xlabel(chart.x)
    axes.set_ylabel("median time")
    axes.grid(visible=True)
    axes.legend(loc="upper left", frameon=False)
