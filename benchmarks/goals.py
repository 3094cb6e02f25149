"""Goals: a figure beside the least or the most it should be."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.measurement import Result


@dataclass(frozen=True)
class Goal:
    """A figure and its bound. A `promise` decides the exit code: it does not hang on the machine.

    Speed does hang on it, and a neighbour on the same cores can spoil a run: a missed goal that is
    no promise is only shown.
    """

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    promise: bool = False

    @property
    def met(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    def result(self) -> Result:
        """The goal as a figure: its ratio is that to the bound."""
        bound = self.least if self.least is not None else self.most
        assert bound is not None, f"{self.name}: a goal has a bound"
        words = "at least" if self.least is not None else "at most"
        against = f"{words} {bound:,g}" if bound < 1e6 else f"{words} {bound:,.0f}"
        ratio = self.value / bound if bound else None
        return Result(f"goal / {self.name}", self.value, self.unit, against, ratio)

    def said(self) -> str:
        """One line: met, missed, or a promise broken."""
        verdict = "met" if self.met else "BROKEN" if self.promise else "missed"
        result = self.result()
        value = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{verdict:6}  {self.name}: {value} {self.unit}, {result.compared_to}"
