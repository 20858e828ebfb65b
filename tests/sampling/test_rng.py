"""Random numbers with an address: SplitMix64, whatever is asked for together."""

from __future__ import annotations

import numpy as np
import pytest

from namegen.sampling.rng import STREAM_LENGTH, derive_streams, uniform, uniform_rows

MASK = 2**64 - 1


class SplitMix64:
    """The generator as its authors define it, one number after the other."""

    def __init__(self, state):
        self.state = state

    def __call__(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def test_the_reference_gives_the_published_numbers():
    # The first outputs for the seed 1234567, as Vigna's reference implementation prints them.
    reference = SplitMix64(1234567)

    assert [reference() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("name", [0, 1, 77, 10**12])
def test_a_stream_is_a_stretch_of_the_generators_sequence(name):
    start = int(derive_streams(5, 2, np.array([0]))[0])
    reference = SplitMix64((start + (name * STREAM_LENGTH - 1) * 0x9E3779B97F4A7C15) & MASK)
    own = derive_streams(5, 2, np.array([name]))

    for place in range(20):
        assert uniform(own, place)[0] == (reference() >> 12) / 2**52


def test_seeds_and_attempts_have_sequences_of_their_own():
    begins = {
        int(derive_streams(seed, attempt, np.array([0]))[0]) for seed in (0, 1, 2**64, 2**64 + 1) for attempt in (0, 1)
    }

    assert len(begins) == 8


def test_numbers_are_uniform_and_independent_between_names_places_and_attempts():
    own = derive_streams(1, 0, np.arange(100_000))
    one, next_place, next_name = uniform(own, 1), uniform(own, 2), uniform(own[1:], 1)

    assert 0 <= one.min() <= one.max() < 1
    counts = np.bincount((one * 100).astype(int), minlength=100)
    assert ((counts - 1000) ** 2 / 1000).sum() < 160  # chi-square, 99 degrees of freedom: one in 10,000
    for other, first in ((next_place, one), (next_name, one[:-1])):
        assert abs(np.corrcoef(first, other)[0, 1]) < 4 / 100_000**0.5
    for seed, attempt in ((2, 0), (1, 1)):
        assert (
            abs(np.corrcoef(one, uniform(derive_streams(seed, attempt, np.arange(100_000)), 1))[0, 1])
            < 4 / 100_000**0.5
        )
    many = uniform_rows(own[:1000], 1, 60)
    assert many.shape == (1000, 60)
    assert len(np.unique(many)) == 60_000
    assert abs(many.mean() - 0.5) < 4 / (12 * 60_000) ** 0.5


def test_numbers_do_not_depend_on_what_is_asked_for_with_them():
    own = derive_streams(3, 1, np.arange(1000))

    np.testing.assert_array_equal(uniform(own, 9)[::7], uniform(own[::7], 9))
    np.testing.assert_array_equal(uniform_rows(own, 9, 5)[::7], uniform_rows(own[::7], 9, 5))


def test_many_numbers_in_place_of_one_are_a_sequence_of_its_own():
    own = derive_streams(3, 1, np.array([7]))
    number = SplitMix64((int(own[0]) + 8 * 0x9E3779B97F4A7C15) & MASK)()  # that at place 9, all of its bits
    sequence = SplitMix64(number)

    assert uniform_rows(own, 9, 5)[0].tolist() == [(sequence() >> 12) / 2**52 for _ in range(5)]


def mix(z):
    """The finaliser of SplitMix64."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


# The 64-bit FNV-1a hashes of the page of its authors.
@pytest.mark.parametrize(("label", "hashed"), [("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)])
@pytest.mark.parametrize("seed", [0, 5, 2**64 + 3])
def test_the_label_of_the_category_is_hashed_into_the_start(label, hashed, seed):
    gamma = 0x9E3779B97F4A7C15
    start = mix((2 + gamma) & MASK)
    start = mix((start + hashed) & MASK)
    start = mix((start + gamma + (seed & MASK)) & MASK)
    if seed >> 64:
        start = mix((start + gamma + (seed >> 64)) & MASK)

    assert derive_streams(seed, 2, np.array([0, 3]), label).tolist() == [
        start,
        (start + 3 * STREAM_LENGTH * gamma) & MASK,
    ]


def test_numbers_of_two_labels_are_independent():
    one, other = (uniform(derive_streams(1, 0, np.arange(100_000), label), 1) for label in ("Irish", "Italian"))

    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / 100_000**0.5
