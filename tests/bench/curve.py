"""Draws how a figure grows with a size, as SVG: sizes on a logarithmic axis, the figure on one that
begins at 0."""

from math import ceil, log10

from plot import COLOURS, dot, line, text

LEFT, TOP, WIDTH, HEIGHT = 60, 50, 520, 240


def round_up(number):
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (ceil(log10(number)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= number * 0.999)


def curves(title, series):
    """`series`: {words: [(size, figure or None)]}."""
    known = {words: [point for point in points if point[1]] for words, points in series.items()}
    points = [point for each in known.values() for point in each]
    if not points:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>\n'
    low = min(log10(size) for size, _ in points)
    high = max(max(log10(size) for size, _ in points), low + 1)
    top = round_up(max(figure for _, figure in points))

    def place(size, figure):
        return (LEFT + WIDTH * (log10(size) - low) / (high - low),
                TOP + HEIGHT * (1 - figure / top))

    shapes = [text(12, 20, title, size=15, colour="#000")]
    for step in range(5):
        figure = top * step / 4
        y = TOP + HEIGHT * (1 - step / 4)
        shapes += [line(LEFT, y, LEFT + WIDTH, y), text(LEFT - 8, y + 4, f"{figure:g}", "end", 11)]
    for power in range(ceil(low - 1e-9), int(high + 1e-9) + 1):
        x, _ = place(10.0 ** power, 0)
        shapes.append(text(x, TOP + HEIGHT + 18, f"{10 ** power}", "middle", 11))
    for index, (words, drawn) in enumerate(known.items()):
        colour, x = COLOURS[index], LEFT + 250 * index
        shapes += [dot(x, TOP + HEIGHT + 44, colour), text(x + 12, TOP + HEIGHT + 48, words)]
        places = [place(*point) for point in drawn]
        shapes += [line(*a, *b, colour, 2) for a, b in zip(places, places[1:])]
        shapes += [dot(*at, colour) for at in places]
    width, height = LEFT + WIDTH + 40, TOP + HEIGHT + 66
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(shapes) + "\n</svg>\n")
