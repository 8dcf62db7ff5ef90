"""Train the three-convolution net with emitted activations and print what they learned.

    python examples/train.py                                        # the digits of scikit-learn, minutes
    python examples/train.py --data cifar10 --archive cifar-10-python.tar.gz --channels 32 --epochs 200

The functions are emitted for the torch target into ``--code`` and imported from there. Each run is seeded; results are
written as JSON and as a Markdown table beside it. ``--pole`` shows what happens without the guard of the Rational form.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import data
import table

STARTS = {"relu": None, "elu": None, "prelu": 0.25, "rational": 1.0, "exponential": 0.0}
"""Where a starts, from the paper; ReLU and ELU (alpha = 1) learn nothing."""
POLE_START = -0.05
"""Where a starts in the runs that show the pole."""
HERE = Path(__file__).parent


def emitted(folder: Path) -> Callable[[str], ModuleType]:
    """Emit functions for the torch target into a folder, and import them from there."""
    from kassei import catalogue, emit
    from kassei.codegen import write

    sys.path.insert(0, str(folder))

    @cache
    def module(name: str) -> ModuleType:
        write(emit(catalogue[name], "torch"), folder)
        importlib.invalidate_caches()
        return importlib.import_module(f"{name}_torch")

    return module


def layers(module: Callable[[str], ModuleType], name: str, start: float | None) -> list[nn.Module]:
    """Three activations, each with an a of its own, shared by its layer."""
    kind = getattr(module(name), name.capitalize())
    return [kind() if start is None else kind(a=start) for _ in range(3)]


class Net(nn.Module):
    """Three convolutions, each followed by the activation and a 2 by 2 maximum, then one linear layer."""

    def __init__(self, pictures: data.Pictures, channels: int, activations: Sequence[nn.Module]) -> None:
        super().__init__()
        inputs = [pictures.train.shape[1], channels, channels]
        self.convolutions = nn.ModuleList(nn.Conv2d(n, channels, 3, padding=1) for n in inputs)
        self.activations = nn.ModuleList(activations)
        side = pictures.train.shape[2] // 8
        self.last = nn.Linear(channels * side * side, pictures.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores of pictures."""
        for convolution, activation in zip(self.convolutions, self.activations, strict=True):
            x = nn.functional.max_pool2d(activation(convolution(x)), 2)
        return self.last(x.flatten(1))

    def learned(self) -> list[float] | None:
        """The parameter a of each layer."""
        values = [p.item() for a in self.activations for p in a.parameters()]
        return values or None

    def project(self) -> None:
        """Move every a back to where its function has no pole."""
        for activation in self.activations:
            if hasattr(activation, "project_"):
                activation.project_()


def batches(pictures: data.Pictures, size: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, Any]]:
    """One epoch in random order, varied."""
    order = torch.randperm(len(pictures.train), generator=generator)
    for chosen in order.split(size):
        yield data.varied(pictures.train[chosen], pictures, generator), pictures.train_labels[chosen]


def step(net: Net, optimizer: torch.optim.Optimizer, x: torch.Tensor, labels: torch.Tensor, guard: bool) -> float:
    """One step down the cross-entropy; the loss before it.

    The guard is a projection: after the step, an a below 0 is put back to 0, where the Rational form is ReLU and its
    gradient in a is not 0, so that a may leave the border again. The other way, a = exp(b) with a learned b, is no
    guard of the Rational form but another function of the list: it is the Exponential form (equation (6)).
    """
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    if guard:
        net.project()
    return loss.item()


@torch.no_grad()
def judged(net: Net, pictures: data.Pictures) -> tuple[float, float]:
    """Cross-entropy and share of right answers on the test pictures."""
    net.eval()
    losses, right = 0.0, 0
    for x, labels in zip(pictures.test.split(500), pictures.test_labels.split(500), strict=True):
        scores = net(x)
        losses += nn.functional.cross_entropy(scores, labels, reduction="sum").item()
        right += int((scores.argmax(1) == labels).sum())
    net.train()
    return losses / len(pictures.test), right / len(pictures.test)


def run(
    module: Callable[[str], ModuleType], pictures: data.Pictures, name: str, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Train one net; the same seed gives the same start of the weights and the same batches for every function."""
    activations = layers(module, name, STARTS[name])
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = Net(pictures, options.channels, activations)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.rate)
    for _ in range(options.epochs):
        for x, labels in batches(pictures, options.batch, generator):
            step(net, optimizer, x, labels, guard=True)
    loss, accuracy = judged(net, pictures)
    return {"activation": name, "seed": seed, "loss": loss, "accuracy": accuracy, "a": net.learned()}


def pole(module: Callable[[str], ModuleType], pictures: data.Pictures, options: argparse.Namespace) -> dict[str, Any]:
    """The Rational form below a = 0: values around its pole, and the same short training with and without the guard.

    Both start below 0, where one update that was too long would leave a. The guard acts before the first step too.
    """
    rational = module("rational")

    class Unguarded(rational.Rational):  # type: ignore[name-defined, misc]
        """The bare function, which takes every real a as its definition does."""

        def forward(self, v: torch.Tensor) -> torch.Tensor:
            return rational.rational(v, self.a)

    v = torch.tensor([-0.3, -0.49, -0.499, -0.5, -0.501, -0.51, -2.0], dtype=torch.float64)
    around = {"a": -0.5, "v": v.tolist(), "h": [_number(h) for h in rational.rational(v, -0.5).tolist()]}
    runs = []
    for guard in (True, False):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        kind = rational.Rational if guard else Unguarded
        net = Net(pictures, options.channels, [kind(a=POLE_START) for _ in range(3)])
        if guard:
            net.project()
        optimizer = torch.optim.Adam(net.parameters(), lr=options.rate)
        losses, below, lowest = [], 0, math.inf
        for _ in range(options.epochs):
            for x, labels in batches(pictures, options.batch, generator):
                losses.append(step(net, optimizer, x, labels, guard))
                lowest = min(lowest, *(net.learned() or ()))
                below += min(net.learned() or ()) < 0
        loss, accuracy = judged(net, pictures)
        runs.append(
            {
                "guard": guard,
                "steps": len(losses),
                "steps_below_0": below,
                "lowest_a": lowest,
                "largest_loss": _number(max(losses)),
                "loss": _number(loss),
                "accuracy": accuracy,
                "a": [_number(x) for x in net.learned() or ()],
            }
        )
    return {"around": around, "start": POLE_START, "runs": runs}


def _number(x: float) -> float | str:
    """JSON has no NaN and no infinity."""
    return x if math.isfinite(x) else str(x)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("digits", *data.CIFAR), default="digits")
    parser.add_argument("--archive", type=Path, help="the python version archive of CIFAR (.tar.gz)")
    parser.add_argument("--activations", nargs="+", choices=tuple(STARTS), default=list(STARTS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--channels", type=int, default=16, help="32 for CIFAR-10 and 64 for CIFAR-100 in the paper")
    parser.add_argument("--rate", type=float, default=0.01, help="Adam's learning rate")
    parser.add_argument("--limit", type=int, help="only so many pictures of each part")
    parser.add_argument("--pole", action="store_true", help="show the Rational form without its guard")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--code", type=Path, default=HERE.parent / "build" / "examples")
    chosen = parser.parse_args(given)
    if (chosen.data != "digits") != (chosen.archive is not None):
        parser.error("--archive goes with --data cifar10 or cifar100")
    return chosen


def main(given: Sequence[str] | None = None) -> int:
    """Train, write the results, print the table."""
    options = arguments(given)
    torch.set_num_threads(1)  # sums in convolutions depend on how they are shared out
    numba.set_num_threads(1)  # and threads that wait for each other cost more than they give on batches of this size
    torch.use_deterministic_algorithms(True)
    try:
        found = data.digits() if options.data == "digits" else data.cifar(options.data, options.archive)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    pictures = found.limited(options.limit)
    module = emitted(options.code)
    setting = {key: getattr(options, key) for key in ("data", "epochs", "batch", "channels", "limit", "rate")}
    setting |= {"pictures": [len(pictures.train), len(pictures.test)], "torch": torch.__version__}
    setting["machine"] = platform.machine()
    if options.pole:
        result = {"setting": setting, **pole(module, pictures, options)}
        text, name = table.pole(result), f"{options.data}-pole"
    else:
        setting["seeds"] = options.seeds
        runs = []
        for seed in range(options.seeds):
            for activation in options.activations:
                runs.append(run(module, pictures, activation, seed, options))
                if sys.stderr.isatty():
                    print(f"{activation}, seed {seed}: {runs[-1]['accuracy']:.2%}", file=sys.stderr)
        result = {"setting": setting, "runs": runs}
        text, name = table.comparison(result), options.data
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.out / f"{name}.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
