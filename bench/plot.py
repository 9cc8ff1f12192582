"""Small line plots as SVG, for docs/performance.md. Nothing but the standard library."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 380, 70, 20, 44, 52
COLOURS = ('#1b6ca8', '#d1495b', '#2e933c', '#8d5a97', '#e8871e', '#555555')


def ticks(low, high, wanted=6):
    """Round numbers between the two."""
    span = high - low or 1
    step = 10 ** math.floor(math.log10(span / wanted))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= wanted)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def number(v):
    return f'{v:,.0f}' if abs(v) >= 10 or v == int(v) else f'{v:.2f}'.rstrip('0').rstrip('.')


def lines(path, title, x_name, y_name, series, marks=()):
    """Writes a plot of `series`, {name: [(x, y)]}; `marks` are vertical lines (x, name)."""
    xs = [x for points in series.values() for x, _ in points] + [x for x, _ in marks]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(0, *ys), max(ys) or 1
    x_high = x_high if x_high > x_low else x_low + 1

    def at(x, y):
        return (LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
           f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{html.escape(title)}</text>']
    for v in ticks(y_low, y_high):
        x, y = at(x_low, v)
        out.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e4e4"/>'
                   f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{number(v)}</text>')
    for v in ticks(x_low, x_high):
        x, y = at(v, y_low)
        out.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{number(v)}</text>')
    for x_mark, name in marks:
        x, y = at(x_mark, y_low)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y:.1f}" stroke="#888" stroke-dasharray="4 3"/>'
                   f'<text x="{x + 4:.1f}" y="{TOP + 12}" fill="#555">{html.escape(name)}</text>')
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path_points = ' '.join('{:.1f},{:.1f}'.format(*at(x, y)) for x, y in points)
        out.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
                   f'<text x="{LEFT + 150 * i}" y="36" fill="{colour}">{html.escape(name)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{html.escape(x_name)}</text>'
               f'<text transform="translate(16,{(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
               f'{html.escape(y_name)}</text></svg>\n')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(out), encoding='utf-8')
