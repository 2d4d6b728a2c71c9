"""How something grows with something else: points, and the exponent of the power law through them.

A time that does not depend on `x` has an exponent of 0, one that is proportional to it has 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# What intake, claim and admin may grow by, in tables and in sessions.
FLAT: Final = 0.1


@dataclass(frozen=True)
class Curve:
    """Seconds by `x`; `name` says of what."""

    name: str
    points: Mapping[float, float]

    @property
    def exponent(self) -> float:
        """The slope of the line through the points' logarithms, by least squares."""
        return exponent(self.points)

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        points = [[x, round(seconds * 1e6, 1)] for x, seconds in self.points.items()]
        return {"name": self.name, "exponent": round(self.exponent, 3), "points_us": points}


@dataclass(frozen=True)
class Chart:
    """Curves over one `x`. `file` is the picture's, without its ending; `x` is with its unit."""

    file: str
    title: str
    x: str
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "title": self.title,
            "x": self.x,
            "picture": f"{self.file}.svg",
            "curves": [curve.to_dict() for curve in self.curves],
        }


def exponent(points: Mapping[float, float]) -> float:
    """Return `b` of the power law `a * x ** b` that fits the points best in their logarithms.

    Args:
        points: The value at each `x`, both above 0; at least two of them.

    Returns:
        The exponent: 0 for what does not grow, 1 for what grows in proportion.

    Raises:
        ValueError: There are fewer than two points, or one is not above 0.
    """
    xs, ys = [math.log(x) for x in points], [math.log(y) for y in points.values()]
    try:
        return statistics.linear_regression(xs, ys).slope
    except statistics.StatisticsError as error:
        raise ValueError("A line takes two points.") from error
