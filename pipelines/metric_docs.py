"""The dictionary of measures as text and as docs/metrics.md, from the same objects."""

from __future__ import annotations

from pathlib import Path

from transforms.measures import DICTIONARY, Measure

DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"


def dictionary_text() -> str:
    """A paragraph a measure, for a terminal."""
    return "\n\n".join(
        f"{m.name} ({m.definition_version}): {m.title}, in {m.unit}\n"
        f"    formula      {m.formula}\n"
        f"    interval     {m.interval_method} ({m.uncertainty_kind})\n"
        f"    additivity   {m.additivity}\n"
        f"    windows      {', '.join(m.windows)}; by {', '.join(m.groupings)}\n"
        f"    hidden       below {m.threshold} people or answers\n"
        f"    answers      {m.source}"
        for m in DICTIONARY
    )


def dictionary_page() -> str:
    """Markdown of docs/metrics.md."""
    lines = [
        "# Dictionary of measures",
        "",
        "Generated from `transforms/measures` by `python -m pipelines.metric_docs`; do not edit.",
        "Every figure comes with its numerator, denominator, interval, kind of uncertainty, n and",
        "coverage, or with the reason why it is not published.",
        "",
    ]
    for m in DICTIONARY:
        lines += [
            f"## {m.title} (`{m.name}` {m.definition_version})",
            "",
            f"* **Formula**: {m.formula}",
            f"* **Unit**: {m.unit} ({m.value_kind})",
            f"* **Interval**: {m.interval_method}; uncertainty: {m.uncertainty_kind}",
            f"* **Additivity**: {m.additivity}",
            f"* **Windows**: {', '.join(m.windows)}. **Grouping sets**: {', '.join(m.groupings)}",
            f"* **Suppressed** below {m.threshold} distinct people or answers{_repeated(m)}",
            f"* **Answers**: {m.source}",
            "",
        ]
    return "\n".join(lines)


def _repeated(measure: Measure) -> str:
    """Which measure's hidden counts are hidden here too."""
    hidden = f", and where `{measure.repeats}` is hidden lest it be subtracted"
    return hidden if measure.repeats else ""


if __name__ == "__main__":
    DOCUMENT.write_text(dictionary_page())
