"""The table at the end: figures beside their goals, in Markdown that reads as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import east_asian_width


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what it is, what came out, what it must reach, and how it was taken."""

    what: str
    figure: str
    goal: str = ""
    how: str = ""


@dataclass(slots=True)
class Report:
    """Tables with a title each."""

    parts: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = field(default_factory=list)

    def figures(self, title: str, lines: list[Line]) -> None:
        """Add a table of figures."""
        rows = [(one.what, one.figure, one.goal, one.how) for one in lines]
        self.parts.append((title, ("what", "figure", "goal", "how"), rows))

    def table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table of anything."""
        self.parts.append((title, heads, rows))

    def __str__(self) -> str:
        """Write everything."""
        return "\n".join(_written(*part) for part in self.parts)


def _written(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(_width(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    lines = [_row(heads, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    lines += [_row(row, widths) for row in rows]
    return f"\n### {title}\n\n" + "\n".join(lines) + "\n"


def _row(cells: Sequence[str], widths: list[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "| " + " | ".join(padded) + " |"


def _width(text: str) -> int:
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def verdict(figure: float, *, goal: float, aim: float, more_is_better: bool = True) -> str:
    """Say whether a figure reaches its goal, or even its aim."""
    sign = 1 if more_is_better else -1
    if figure * sign >= aim * sign:
        return "aim reached"
    return "reached" if figure * sign >= goal * sign else "NOT reached"
