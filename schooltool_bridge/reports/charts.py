"""Drawings as plain SVG, without script: percentages over time, how a class is spread.

Each says in words what it shows (title and desc); lines and bars carry their numbers, so that
nothing is told by colour alone, and take the colour of the text around them, day and night. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from xml.sax.saxutils import escape

from mnet.language import _
from schooltool_bridge.history.averages import number

_WIDTH, _HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 40, 12, 24
_HUNDRED = Decimal(100)
# Beyond this a single odd mark would press all others to the ground.
_MAX_PERCENT = Decimal(200)
# Bars: 0-9, 10-19, ... 90-99, and 100 and more.
BINS = 11
_FONT = 'font-family="Libertinus Serif, system-ui, sans-serif" font-size="11" fill="currentColor"'


def over_time(name: str, points: Sequence[tuple[str, Decimal | None]]) -> str:
    """Draw one section's percentages; `points` are (day in words, percent), oldest first."""
    known = [(index, p) for index, (_when, p) in enumerate(points) if p is not None]
    top = max([_HUNDRED, *(min(p, _MAX_PERCENT) for _at, p in known)])
    message = "; ".join(f"{day}: {_percent(number(p))}" for day, p in points if p is not None)
    parts = [_axis(Decimal(level), top) for level in (0, 50, 100)]
    spots = [(_x(index, len(points)), _y(p, top), p) for index, p in known]
    if spots:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _p in spots)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="currentColor"/>' for x, y, _p in spots
        ]
        x, y, last = spots[-1]
        parts.append(
            f'<text x="{x + 5:.1f}" y="{y - 5:.1f}" {_FONT} font-weight="bold">'
            f"{number(last.quantize(Decimal(1)))}</text>"
        )
    if points:
        base = _HEIGHT - 6
        parts.append(f'<text x="{_LEFT}" y="{base}" {_FONT}>{escape(points[0][0])}</text>')
        if len(points) > 1:
            right = _WIDTH - _RIGHT
            parts.append(
                f'<text x="{right}" y="{base}" text-anchor="end" {_FONT}>'
                f"{escape(points[-1][0])}</text>"
            )
    title = _("%(section)s: percent by week", section=name)
    return _svg(title, message or _("Nothing is graded yet."), parts)


def by_week(weeks: Sequence[tuple[str, int, int, int]]) -> str:
    """Draw who was enrolled at the ends of weeks, and who came (up) and left (down) in each.

    `weeks` are (day in words, enrolled, came, left), oldest first.
    """
    top, middle, floor = 34, 92, _HEIGHT - _BOTTOM
    most = max([1, *(c for _d, _e, c, _l in weeks), *(left for *_others, left in weeks)])
    wide = (_WIDTH - 8) / max(len(weeks), 1)
    line = f'x="4" y="{middle}" width="{_WIDTH - 8}" height="1"'
    parts = [f'<rect {line} fill="currentColor" fill-opacity="0.4"/>']
    for index, (day, enrolled, came, left) in enumerate(weeks):
        x = 4 + index * wide
        centre = f"{x + wide / 2:.1f}"
        up, down = (middle - top - 14) * came / most, (floor - middle - 14) * left / most
        for count, y, tall, beside, opacity in (
            (came, middle - up, up, middle - up - 3, "0.75"),
            (left, middle + 1, down, middle + down + 12, "0.35"),
        ):
            if count:
                parts.append(
                    f'<rect x="{x + 3:.1f}" y="{y:.1f}" width="{wide - 6:.1f}" '
                    f'height="{tall:.1f}" fill="currentColor" fill-opacity="{opacity}"/>'
                    f'<text x="{centre}" y="{beside:.1f}" text-anchor="middle" {_FONT}>'
                    f"{count}</text>"
                )
        if index % 3 == 0 or index == len(weeks) - 1:
            parts.append(
                f'<text x="{centre}" y="12" text-anchor="middle" {_FONT}>{enrolled}</text>'
                f'<text x="{centre}" y="{_HEIGHT - 4}" text-anchor="middle" {_FONT}>'
                f"{escape(day)}</text>"
            )
    message = "; ".join(
        _("%(day)s: %(enrolled)s enrolled, %(came)s came, %(left)s left",
          day=day, enrolled=enrolled, came=came, left=left)
        for day, enrolled, came, left in weeks
    )  # fmt: skip
    title = _("Enrolled at each week's end, and above and below the line who came and left")
    return _svg(title, message or _("Nobody is enrolled."), parts)


def distribution(percents: Sequence[Decimal]) -> str:
    """Draw how many students stand where, in steps of ten percent."""
    counts = [0] * BINS
    for value in percents:
        counts[max(0, min(int(value // 10), BINS - 1))] += 1
    most = max([1, *counts])
    names = [*(f"{n * 10}-{n * 10 + 9}" for n in range(BINS - 1)), "100+"]
    message = "; ".join(f"{_percent(n)}: {c}" for n, c in zip(names, counts, strict=True) if c)
    wide = (_WIDTH - 8) / BINS
    floor = _HEIGHT - _BOTTOM
    ground = f'x="4" y="{floor}" width="{_WIDTH - 8}" height="1"'
    parts = [f'<rect {ground} fill="currentColor" fill-opacity="0.4"/>']
    for index, (name, count) in enumerate(zip(names, counts, strict=True)):
        x = 4 + index * wide
        middle = f"{x + wide / 2:.1f}"
        if count:
            tall = (floor - 22) * count / most
            parts.append(
                f'<rect x="{x + 3:.1f}" y="{floor - tall:.1f}" width="{wide - 6:.1f}" '
                f'height="{tall:.1f}" fill="currentColor" fill-opacity="0.55"/>'
                f'<text x="{middle}" y="{floor - tall - 4:.1f}" text-anchor="middle" {_FONT}>'
                f"{count}</text>"
            )
        label = name.partition("-")[0]
        parts.append(
            f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle" {_FONT}>{label}</text>'
        )
    title = _("Students by percent, in steps of ten")
    return _svg(title, message or _("Nobody has a percentage."), parts)


def _percent(number: str) -> str:
    return _("%(number)s %%", number=number)


def _svg(title: str, summary: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" class="chart" role="img">'
        f"<title>{_plain(title)}</title><desc>{_plain(summary)}</desc>{''.join(parts)}</svg>"
    )


def _plain(words: str) -> str:
    """Escape, and leave out what no XML may hold."""
    return escape("".join(c for c in words if c >= " " and c not in "\ufffe\uffff"))


def _axis(level: Decimal, top: Decimal) -> str:
    y = _y(level, top)
    return (
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{_WIDTH - _LEFT - _RIGHT}" height="0.7" '
        f'fill="currentColor" fill-opacity="0.35"/>'
        f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" {_FONT}>{level}</text>'
    )


def _x(index: int, count: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (index / max(count - 1, 1))


def _y(value: Decimal, top: Decimal) -> float:
    within = min(max(value, Decimal(0)), top)
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * float(within / top)
