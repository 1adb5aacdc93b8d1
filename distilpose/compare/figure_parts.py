"""Parts of figures as SVG files: style, colours, text, and marks with tooltips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

WIDTH = 1000
COLOURS = ('#0f8a7e', '#2f7fd6', '#7a5bd0', '#d1495b', '#c2529b', '#7f9a1f', '#8c564b')
"""Of families or lines in turn: those of the light pages."""
TEACHER = '#b7791f'
_STYLE = """text { font: 13px system-ui, sans-serif; fill: #667085 }
text.name { font-weight: 600; paint-order: stroke; stroke: #fffdf9; stroke-width: 4px; stroke-linejoin: round }
.grid { stroke: #e3ddd1 } .leader { stroke: #b8b0a2 } .front { stroke: #b8b0a2; stroke-width: 2; fill: none }
.curve { stroke-width: 2; fill: none }
.teacher { stroke: #b7791f; stroke-width: 1.6; stroke-dasharray: 6 4 }
.ring { stroke: #fffdf9; stroke-width: 1.5 } .seed { fill: #fffdf9; stroke-width: 1.6 }"""
_CHARACTER = 7.4


def svg(content: str, *, height: float, label: str) -> str:
    """A whole file, on the light background of the pages, so that it is read on dark ones, too."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="{escape(label)}"><style>{_STYLE}</style><rect width="100%" height="100%" fill="#fffdf9"/>'
            f'{content}</svg>\n')


def text(x: float, y: float, words: str, *, anchor: str = 'start', colour: str = '', name: bool = False) -> str:
    """A line of text; ``name`` is printed in bold."""
    style = f' style="fill: {colour}"' if colour else ''
    kind = ' class="name"' if name else ''
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def line(x: float, y: float, x_2: float, y_2: float, *, kind: str = 'grid', style: str = '') -> str:
    """A straight line."""
    given = f' style="{style}"' if style else ''
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{x_2:.1f}" y2="{y_2:.1f}"{given}/>'


def blank(left: float, top: float, right: float, bottom: float) -> str:
    """A place without a line behind it, for a name."""
    return (f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            'fill="#fffdf9"/>')


def path(points: Sequence[tuple[float, float]], *, kind: str, colour: str = '', tooltip: str = '') -> str:
    """Straight lines from point to point."""
    commands = ' '.join(f'{"L" if index else "M"}{x:.1f} {y:.1f}' for index, (x, y) in enumerate(points))
    style = f' style="stroke: {colour}"' if colour else ''
    title = f'<title>{escape(tooltip)}</title>' if tooltip else ''
    return f'<path class="{kind}" d="{commands}"{style}>{title}</path>'


def dot(x: float, y: float, *, colour: str, tooltip: str, radius: float = 6.5) -> str:
    """A filled circle."""
    return (f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" style="fill: {colour}"><title>'
            f'{escape(tooltip)}</title></circle>')


def bar(x: float, y: float, wide: float, high: float, *, colour: str, tooltip: str) -> str:
    """A rectangle, lighter than the marks on it."""
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="2" style="fill: {colour}; '
            f'opacity: .35"><title>{escape(tooltip)}</title></rect>')


def ring(x: float, y: float, *, colour: str, tooltip: str) -> str:
    """A small circle with an outline, for one seed."""
    return (f'<circle class="seed" cx="{x:.1f}" cy="{y:.1f}" r="3.4" style="stroke: {colour}"><title>'
            f'{escape(tooltip)}</title></circle>')


def whisker(start: tuple[float, float], end: tuple[float, float], *, colour: str) -> str:
    """An interval between two points on a horizontal or a vertical line, with ends."""
    (x, y), (x_2, y_2) = start, end
    across = (4, 0) if x == x_2 else (0, 4)
    style = f'stroke: {colour}; stroke-width: 2'
    ends = ''.join(line(a - across[0], b - across[1], a + across[0], b + across[1], kind='end', style=style)
                   for a, b in (start, end))
    return line(x, y, x_2, y_2, kind='interval', style=style) + ends


def width_of(words: str) -> float:
    """About how wide a text is, in the units of the drawing."""
    return _CHARACTER * len(words)


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Name -> colour, in turn."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(dict.fromkeys(names))}
