"""What a figure is: rows of (ours, baseline, ratio, bar), and how alternating rounds become one."""
import dataclasses
import statistics

VOID_OFF = 0.25  # a round whose baseline is so far off its own median says nothing


@dataclasses.dataclass
class Row:
    """One line of the table. `ratio` is what the bar is about; `better` is '>=' or '<='."""
    figure: str
    what: str
    ratio: float
    bar: float
    better: str = '>='
    ours: str = ''
    baseline: str = ''
    low: float | None = None
    high: float | None = None
    void: int = 0
    note: str = ''

    @property
    def met(self):
        return self.ratio >= self.bar if self.better == '>=' else self.ratio <= self.bar

    def as_dict(self):
        return {**dataclasses.asdict(self), 'met': self.met}


def quartiles(values):
    """(first quartile, median, third quartile)."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method='inclusive')
    return low, middle, high


def median(values):
    return quartiles(values)[1]


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def alternate(rounds, ours, baseline):
    """Calls the two in turns, the order changing from round to round; [(ours, baseline)]."""
    found = []
    for turn in range(rounds):
        if turn % 2 == 0:
            a, b = ours(), baseline()
        else:
            b, a = baseline(), ours()
        found.append((a, b))
    return found


def ratio_of(pairs):
    """(median of the rounds' ratios, its quartiles, medians of both sides, how many rounds are void)."""
    middle = median([b for _, b in pairs])
    valid = [(a, b) for a, b in pairs if abs(b / middle - 1) <= VOID_OFF] or pairs
    low, ratio, high = quartiles([a / b for a, b in valid])
    return {'ratio': ratio, 'low': low, 'high': high, 'ours': median([a for a, _ in valid]),
            'baseline': median([b for _, b in valid]), 'void': len(pairs) - len(valid)}
