"""Results as Markdown, from the data alone."""

from __future__ import annotations

import math
from statistics import mean, stdev
from typing import Any

TITLES = {"relu": "ReLU", "elu": "ELU", "prelu": "PReLU", "rational": "Rational", "exponential": "Exponential"}


def spread(values: list[float], digits: int) -> str:
    """Mean and standard deviation over the seeds; the deviation needs two."""
    text = f"{mean(values):.{digits}f}"
    return f"{text} ± {stdev(values):.{digits}f}" if len(values) > 1 else text


def comparison(result: dict[str, Any]) -> str:
    """Loss and accuracy per function, then the learned a per layer."""
    setting, runs = result["setting"], result["runs"]
    names = list(dict.fromkeys(run["activation"] for run in runs))
    train, test = setting["pictures"]
    lines = [
        f"# {setting['data']}",
        "",
        f"{train} pictures to train, {test} to test; {setting['epochs']} epochs, batches of {setting['batch']},"
        f" {setting['channels']} channels, Adam at {setting['rate']}; mean ± standard deviation over {setting['seeds']}"
        f" seeds. torch {setting['torch']}, {setting['machine']}.",
        "",
        "| function | loss | accuracy % |",
        "| --- | --- | --- |",
    ]
    for name in names:
        mine = [run for run in runs if run["activation"] == name]
        loss, right = [run["loss"] for run in mine], [100 * run["accuracy"] for run in mine]
        lines.append(f"| {TITLES[name]} | {spread(loss, 4)} | {spread(right, 2)} |")
    learning = [name for name in names if any(run["a"] for run in runs if run["activation"] == name)]
    if learning:
        lines += [
            "",
            "The learned a, by layer:",
            "",
            "| function | conv1 | conv2 | conv3 |",
            "| --- | --- | --- | --- |",
        ]
        for name in learning:
            values = [run["a"] for run in runs if run["activation"] == name]
            lines.append(f"| {TITLES[name]} | {' | '.join(spread([a[k] for a in values], 3) for k in range(3))} |")
            if name == "exponential":
                powers = [[math.exp(x) for x in a] for a in values]
                lines.append(f"| exp(a) of it | {' | '.join(spread([a[k] for a in powers], 3) for k in range(3))} |")
    return "\n".join(lines) + "\n"


def pole(result: dict[str, Any]) -> str:
    """Values around the pole, then the two runs."""
    around = result["around"]
    lines = [
        f"# The Rational form without its guard ({result['setting']['data']})",
        "",
        f"At a = {around['a']}, h(v) = a*v/(a - v) for v < 0 has a pole at v = a:",
        "",
        "| v | h(v) |",
        "| --- | --- |",
        *(
            f"| {v} | {h if isinstance(h, str) else format(h, '.6g')} |"
            for v, h in zip(around["v"], around["h"], strict=True)
        ),
        "",
        f"The same net and the same batches, a from {result['start']}, {result['setting']['epochs']} epochs, Adam at"
        f" {result['setting']['rate']}:",
        "",
        f"| | {' | '.join('with the guard' if run['guard'] else 'without' for run in result['runs'])} |",
        f"| --- |{' --- |' * len(result['runs'])}",
    ]
    rows = {
        "steps": "steps",
        "steps with an a below 0": "steps_below_0",
        "lowest a": "lowest_a",
        "largest training loss": "largest_loss",
        "test loss at the end": "loss",
        "test accuracy at the end": "accuracy",
        "a of the three layers": "a",
    }
    for title, key in rows.items():
        lines.append(f"| {title} | {' | '.join(_cell(run[key]) for run in result['runs'])} |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
