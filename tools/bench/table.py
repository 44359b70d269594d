"""The result: medians, what they are held against, and the Markdown table."""

import statistics
from dataclasses import dataclass
from typing import Optional

UNITS = {
    "s": "{:.2f} s",
    "MB": "{:.1f} MB",
    "x": "{:.2f} x",
    "%": "{:.1f} %",
    "/s": "{:,.0f} /s",
    "n": "{:,.0f}",
    "": "{:.2f}",
}


@dataclass
class Row:
    """One line of the table. Without a bar it only informs."""

    what: str
    samples: list
    unit: str
    bar: Optional[float] = None
    stretch: Optional[float] = None
    more_is_better: bool = False

    def text(self):
        median = statistics.median(self.samples)
        limit = "≥ " if self.more_is_better else "≤ "
        cells = [
            self.what,
            self._show(median),
            f"{self._show(min(self.samples))} – {self._show(max(self.samples))}",
            "" if self.bar is None else limit + self._show(self.bar),
            "" if self.stretch is None else limit + self._show(self.stretch),
            self._verdict(median),
        ]
        return "| " + " | ".join(cells) + " |"

    def _show(self, value):
        return UNITS[self.unit].format(value)

    def _verdict(self, median):
        def reached(limit):
            return median >= limit if self.more_is_better else median <= limit

        if self.bar is None:
            return ""
        if self.stretch is not None and reached(self.stretch):
            return "stretch met"
        return "met" if reached(self.bar) else "**not met**"


def markdown(rows):
    head = "| what | median | min – max | bar | stretch | verdict |\n|---|--:|--:|--:|--:|---|"
    return "\n".join([head] + [row.text() for row in rows if row.samples])


def side_by_side(heads, lines):
    """Medians of several candidates. A line is what, and per head a unit and samples, or None."""
    text = ["| what | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for what, cells in lines:
        text.append(f"| {what} | " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(text)


def _cell(cell):
    if cell is None or not cell[1]:
        return ""
    unit, samples = cell
    show = UNITS[unit].format
    text = show(statistics.median(samples))
    # What it is times of is one number; how far it can be trusted is two.
    return f"{text} ({min(samples):.2f} – {max(samples):.2f})" if unit == "x" else text
