"""The tutorial's training loop as a reader of the tutorial would have it, and how long it takes beside ours.

    python benchmarks/tutorial_loop.py SURNAMES_FOLDER [--iterations 3000] [--repeats 5]

trains by this plain loop (eager torch, one name a step, one-hot tensors) and by ``namegen.train`` with the tutorial's
recipe, which is the same mathematics, in turn, with one thread each, and prints the iterations a second and the ratio.
It follows the recipe in docs/tutorial-recipe.md; a test holds one of its steps against ours.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import torch
from torch import nn

import namegen

HIDDEN = 128
LEARNING_RATE = 0.0005


class PlainRNN(nn.Module):
    """The network of the recipe, on one-hot vectors."""

    def __init__(self, categories: int, letters: int) -> None:
        super().__init__()
        self.i2h = nn.Linear(categories + letters + HIDDEN, HIDDEN)
        self.i2o = nn.Linear(categories + letters + HIDDEN, letters)
        self.o2o = nn.Linear(HIDDEN + letters, letters)
        self.dropout = nn.Dropout(0.1)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(
        self, category: torch.Tensor, letter: torch.Tensor, hidden: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Read one letter: category (1, C), letter (1, O), hidden (1, H) give log-probabilities (1, O) and hidden."""
        combined = torch.cat((category, letter, hidden), 1)
        hidden = self.i2h(combined)
        output = self.o2o(torch.cat((hidden, self.i2o(combined)), 1))
        return self.softmax(self.dropout(output)), hidden


def step(network: PlainRNN, categories: int, category: int, letters: list[int], eos: int) -> float:
    """Take one step of the tutorial's loop on one name; returns its mean letter loss."""
    criterion = nn.NLLLoss()
    one_hot_category = torch.zeros(1, categories)
    one_hot_category[0][category] = 1
    one_hot_letters = torch.zeros(len(letters), 1, eos + 1)
    for place, letter in enumerate(letters):
        one_hot_letters[place][0][letter] = 1
    targets = torch.tensor([*letters[1:], eos]).unsqueeze(-1)

    hidden = torch.zeros(1, HIDDEN)
    network.zero_grad()
    loss = torch.zeros(1)
    for place in range(len(letters)):
        output, hidden = network(one_hot_category, one_hot_letters[place], hidden)
        loss = loss + criterion(output, targets[place])
    loss.backward()
    for parameter in network.parameters():
        parameter.data.add_(parameter.grad.data, alpha=-LEARNING_RATE)
    return loss.item() / len(letters)


def plain_loop(names: list[list[list[int]]], eos: int, iterations: int) -> float:
    """Run the loop on names given as letters by category; returns the mean of the names' losses."""
    network = PlainRNN(len(names), eos + 1)
    losses = []
    for _ in range(iterations):
        category = random.randrange(len(names))
        losses.append(step(network, len(names), category, random.choice(names[category]), eos))
    return statistics.mean(losses)


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--iterations", type=int, default=3_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = namegen.load_dataset(given.data, keep_repeats=True)
    alphabet = dataset.alphabet
    names = [[alphabet.encode(name).tolist() for name in dataset.names(c)] for c in dataset.categories]
    config = namegen.training_config("tutorial", iterations=given.iterations)
    ratios = []
    for _ in range(given.repeats):
        begin = time.perf_counter()
        loss = plain_loop(names, alphabet.edge, given.iterations)
        middle = time.perf_counter()
        model = namegen.train(dataset, config, threads=1)
        end = time.perf_counter()
        ratios.append((middle - begin) / (end - middle))
        print(
            f"plain loop {given.iterations / (middle - begin):,.0f} iterations/s (loss {loss:.3f}), "
            f"--recipe tutorial {given.iterations / (end - middle):,.0f} (loss {model.history.training.mean():.3f}), "
            f"ratio {ratios[-1]:.1f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.1f} (from {min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
