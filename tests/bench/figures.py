"""Medians, ranges and tables of results: lists of dicts as the load generator prints them, with
"broker" added."""

from statistics import median

VERDICT = ("lost", "duplicated", "reordered", "foreign", "refused", "acks_out_of_order")


def values(results, broker, scenario, figure):
    return [result[figure.key] * figure.scale for result in results
            if result["broker"] == broker and result["label"] == scenario and figure.key in result]


def short(value):
    """Three digits, without an exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value else "0"


def spread(numbers):
    """The median, and from where to where if there are several."""
    if not numbers:
        return "-"
    if len(numbers) == 1:
        return short(numbers[0])
    return f"{short(median(numbers))} ({short(min(numbers))}-{short(max(numbers))})"


def rows_of(results, scenarios, brokers):
    """(group, name, title, [numbers of each broker]) for every figure that was measured."""
    for scenario in scenarios:
        for figure in scenario.figures:
            numbers = [values(results, broker, scenario.name, figure) for broker in brokers]
            if any(numbers):
                yield figure.group, scenario.name, scenario.title + figure.suffix, numbers


def ratio(first, second):
    if not first or not second or median(second) == 0:
        return None
    return median(first) / median(second)


def markdown(header, lines):
    text = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(text + ["| " + " | ".join(line) + " |" for line in lines])


def core_tables(results, scenarios, brokers):
    groups = {}
    for group, name, title, numbers in rows_of(results, scenarios, brokers):
        line = [name, title] + [spread(each) for each in numbers]
        if len(brokers) > 1:
            share = ratio(numbers[0], numbers[1])
            line.append("-" if share is None else short(share))
        groups.setdefault(group, []).append(line)
    header = list(brokers) + ([f"{brokers[0]} / {brokers[1]}"] if len(brokers) > 1 else [])
    return "\n\n".join(markdown(["", group] + header, lines) for group, lines in groups.items())


def troubles(results):
    """A line for each run in which something went wrong."""
    for result in results:
        if result.get("good", 0):
            continue
        what = [f"{result[key]} {key}" for key in VERDICT if result.get(key)]
        if "trouble" in result:
            what.append(result["trouble"])
        yield f"{result['broker']} {result['label']}: {', '.join(what) or 'not complete'}"
