"""Run the tutorial's training loop and sampler as a reader would write them: eager PyTorch on one-hot vectors.

    python benchmarks/tutorial_loop.py train SURNAMES_FOLDER [--iterations 3000]
    python benchmarks/tutorial_loop.py sample MODEL CATEGORY [--count 2000]

time either and print the figures as JSON. `train` learns one name per step. `sample` generates names one by one, with
the weights of a model of the tutorial recipe. Both follow docs/tutorial-recipe.md, and tests compare them with namegen.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time

import torch
from torch import nn

import namegen

HIDDEN = 128
LEARNING_RATE = 0.0005
FURTHER_LETTERS = 20


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


def one_hot(index: int, size: int) -> torch.Tensor:
    """Return a one-hot vector, (1, size)."""
    vector = torch.zeros(1, size)
    vector[0][index] = 1
    return vector


def step(network: PlainRNN, categories: int, category: int, letters: list[int], eos: int) -> float:
    """Take one step of the tutorial's loop on one name, and return its mean loss per letter."""
    criterion = nn.NLLLoss()
    one_hot_category = one_hot(category, categories)
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


def train(names: list[list[list[int]]], eos: int, iterations: int) -> tuple[PlainRNN, float]:
    """Run the loop on names, as letters by category, and return the network and the mean of the names' losses."""
    network = PlainRNN(len(names), eos + 1)
    losses = []
    for _ in range(iterations):
        category = random.randrange(len(names))
        losses.append(step(network, len(names), category, random.choice(names[category]), eos))
    return network, statistics.mean(losses)


def sample(network: PlainRNN, categories: int, category: int, letters: list[int], eos: int) -> list[int]:
    """Generate one name that begins with some letters: always the most likely letter, under dropout."""
    with torch.no_grad():
        one_hot_category = one_hot(category, categories)
        hidden = torch.zeros(1, HIDDEN)
        for letter in letters:
            output, hidden = network(one_hot_category, one_hot(letter, eos + 1), hidden)
        letters = list(letters)
        for _ in range(FURTHER_LETTERS):
            letter = output.topk(1)[1][0][0].item()
            if letter == eos:
                break
            letters.append(letter)
            output, hidden = network(one_hot_category, one_hot(letter, eos + 1), hidden)
        return letters


def main() -> None:
    """Time training or sampling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("source")
    parser.add_argument("category", nargs="?")
    parser.add_argument("--iterations", type=int, default=3_000)
    parser.add_argument("--count", type=int, default=2_000)
    given = parser.parse_args()
    torch.set_num_threads(1)  # its matrices are too small for more threads
    if given.what == "train":
        dataset = namegen.load_dataset(given.source, keep_repeats=True)
        alphabet = dataset.alphabet
        names = [[alphabet.encode(name).tolist() for name in dataset.names(c)] for c in dataset.categories]
        begin = time.perf_counter()
        _, loss = train(names, alphabet.boundary_id, given.iterations)
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "loss": loss}))
        return
    model = namegen.load_model(given.source)
    network = PlainRNN(len(model.categories), len(model.alphabet) + 1)
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in model.weights.items()})
    category = model.categories.index(given.category)
    begins = model.first_letter_counts[category]
    starts = random.choices(range(len(begins)), weights=begins.tolist(), k=given.count)
    begin = time.perf_counter()
    sampled = [
        sample(network, len(model.categories), category, [start], model.alphabet.boundary_id) for start in starts
    ]
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "names": len(sampled)}))


if __name__ == "__main__":
    main()
