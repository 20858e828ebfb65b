"""A small distribution over names that is known exactly, and tests of whether samples follow it."""

from __future__ import annotations

import itertools

import numpy as np

# Rows: after a, after b, after SOS. Columns: a, b, EOS.
TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.3, 0.0]])
with np.errstate(divide="ignore"):
    LOGITS = np.maximum(np.log(TABLE), -1e4)


def chi_square_fits(counts, expected_shares):
    """Return whether counts agree with shares that add up to 1, by a chi-square test at the level of one in 10,000."""
    total = sum(counts.values())
    assert set(counts) <= {name for name, share in expected_shares.items() if share > 0} | {None}
    big = {name: share * total for name, share in expected_shares.items() if share * total >= 5}
    statistic = sum((counts.get(name, 0) - want) ** 2 / want for name, want in big.items())
    rest, rest_want = total - sum(counts.get(name, 0) for name in big), total - sum(big.values())
    degrees = len(big) - 1
    if rest_want >= 5:
        statistic, degrees = statistic + (rest - rest_want) ** 2 / rest_want, degrees + 1
    # Wilson and Hilferty (1931): the cube root of chi-square over its degrees is nearly normal.
    spread = 2 / (9 * degrees)
    return ((statistic / degrees) ** (1 / 3) - (1 - spread)) / spread**0.5 < 3.72


def chi_square_alike(one, other):
    """Return whether two counts can be of one distribution, by a chi-square test at the level of one in 10,000."""
    both = one + other
    rare = {name for name, count in both.items() if count * min(one.total(), other.total()) < 10 * both.total()}
    statistic = degrees = 0
    groups = [{name} for name in both if name not in rare] + [rare]
    for group in groups:
        together = sum(both[name] for name in group)
        for counts in (one, other):
            want = together * counts.total() / both.total()
            statistic += (sum(counts[name] for name in group) - want) ** 2 / want
    degrees = len(groups) - 1
    spread = 2 / (9 * degrees)
    return ((statistic / degrees) ** (1 / 3) - (1 - spread)) / spread**0.5 < 3.72


def name_shares(rows, limit, begin="", start=2):
    """The probability of every name up to a length, given that it ends in time, by going through all of them."""
    shares = {}
    for length in range(max(1, len(begin)), limit + 1):  # an empty name is none
        for letters in itertools.product("ab", repeat=length - len(begin)):
            name = begin + "".join(letters)
            share, last = 1.0, start
            for place, letter in enumerate(name):
                if place >= len(begin):
                    share *= rows[last]["ab".index(letter)]
                last = "ab".index(letter)
            shares[name] = share * rows[last][2]
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}
