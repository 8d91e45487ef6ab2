"""Draws results as SVG: a panel for each group of figures, a row for each figure, a dot for each
broker on a logarithmic axis. Further left is better."""

from html import escape
from math import ceil, floor, log10
from statistics import median

from figures import ratio, rows_of, short

COLOURS = ("#0b6e4f", "#c0504d", "#4f6fc0")
LEFT, WIDTH, RIGHT, ROW, TOP, GAP = 300, 480, 90, 24, 64, 66


def text(x, y, words, anchor="start", size=13, colour="#333"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{escape(words)}</text>')


def line(x1, y1, x2, y2, colour="#ddd", width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def dot(x, y, colour):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def axis(numbers):
    """Whole powers of ten around all numbers."""
    low, high = floor(log10(min(numbers))), ceil(log10(max(numbers)))
    return low, max(high, low + 1)


def panel(title, rows, y):
    """The panel's shapes, and where it ends. `rows`: (words, [a number or None of each broker])."""
    low, high = axis([number for _, numbers in rows for number in numbers if number])
    bottom = y + ROW * len(rows)

    def place(number):
        return LEFT + WIDTH * (log10(number) - low) / (high - low)

    shapes = [text(12, y - 14, title, size=15, colour="#000")]
    for power in range(low, high + 1):
        x = place(10.0 ** power)
        shapes += [line(x, y, x, bottom), text(x, bottom + 16, f"{10.0 ** power:g}", "middle", 11)]
    for index, (words, numbers) in enumerate(rows):
        middle = y + ROW * (index + 0.5)
        shapes.append(text(12, middle + 4, words))
        shown = [place(number) for number in numbers if number]
        if len(shown) > 1:
            shapes.append(line(min(shown), middle, max(shown), middle, "#999", 2))
        shapes += [dot(place(number), middle, COLOURS[i])
                   for i, number in enumerate(numbers) if number]
        if len(numbers) > 1 and numbers[0] and numbers[1]:
            share = ratio([numbers[0]], [numbers[1]])
            shapes.append(text(LEFT + WIDTH + 14, middle + 4, f"x {short(share)}"))
    return shapes, bottom + GAP


def svg(results, scenarios, brokers, note):
    groups = {}
    for group, name, title, numbers in rows_of(results, scenarios, brokers):
        middles = [median(each) if each else None for each in numbers]
        middles = [number if number and number > 0 else None for number in middles]
        if any(middles):
            groups.setdefault(group, []).append((f"{name}  {title}", middles))
    shapes, x = [], LEFT
    for i, broker in enumerate(brokers):
        shapes += [dot(x, 18, COLOURS[i]), text(x + 10, 22, broker)]
        x += 110
    shapes.append(text(12, 22, note, size=11, colour="#666"))
    y = TOP
    for group, rows in groups.items():
        drawn, y = panel(group, rows, y)
        shapes += drawn
    width, height = LEFT + WIDTH + RIGHT, y - GAP + 30
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(shapes) + "\n</svg>\n")
