"""Generating names: exactly the distribution that the network and the settings define."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distributions import LOGITS, TABLE, chi_square_alike, chi_square_fits, name_shares
from namegen.config import SamplingConfig
from namegen.datasets.dataset import hash_name
from namegen.errors import NamegenError, UsageError
from namegen.evaluation.classify import score
from namegen.recipes import training_config
from namegen.sampling import block_sampler, generate, partition, prefix_tree, rejection
from namegen.sampling import top_names as top_module
from namegen.sampling.generate import blocks, iterate, sample
from namegen.sampling.name_filters import Filters
from namegen.sampling.settings import override_sampling
from namegen.sampling.top_names import top
from support import make_bigram_model, make_model


@pytest.mark.parametrize(
    ("prefix", "limit", "count"),
    [("", 12, 20_000), ("", 3, 10_000), ("ab", 10, 10_000)],
    ids=["any length", "too long names are sampled again", "prefix"],
)
def test_names_have_the_probabilities_that_the_network_gives_them(prefix, limit, count):
    sampled = Counter(sample(make_bigram_model(LOGITS), "X", [prefix], count=count, seed=1, max_length=limit))

    assert chi_square_fits(sampled, name_shares(TABLE, limit, begin=prefix))


@settings(max_examples=12, deadline=None)
@given(st.floats(0.3, 3.0), st.integers(1, 3), st.floats(0.2, 1.0))
def test_temperature_top_k_and_top_p_reshape_each_choice_as_defined(temperature, top_k, top_p):
    rows = []
    for row in TABLE:
        shares = np.where(row > 0, row, 1e-300) ** (1 / temperature)
        shares /= shares.sum()
        ranked = sorted(range(3), key=lambda output, shares=shares: -shares[output])[:top_k]
        total, kept = sum(shares[output] for output in ranked), []
        for output in ranked:  # the fewest that together have top_p
            if sum(shares[k] for k in kept) / total < top_p:
                kept.append(output)
        rows.append([shares[o] / sum(shares[k] for k in kept) if o in kept else 0.0 for o in range(3)])
    model = make_bigram_model(LOGITS)
    config = SamplingConfig(temperature=temperature, top_k=top_k, top_p=top_p, max_length=6)
    if sum(name_shares_unnormalised(rows, 6)) < 0.05:
        assume(False)  # hardly any name ends in time
    sampled = Counter(sample(model, "X", count=4_000, seed=4, config=config))

    assert chi_square_fits(sampled, name_shares(rows, 6))


def name_shares_unnormalised(rows, limit):
    """The probability that a name ends at each length."""
    state, ends = np.array([0.0, 0.0, 1.0]), []
    for _ in range(limit + 1):
        step = np.array([state @ [row[o] for row in rows] for o in range(3)])
        ends.append(step[2])
        state = np.array([step[0], step[1], 0.0])
    return ends


def test_without_an_sos_token_first_letters_have_their_frequencies_in_the_training_names():
    model = make_bigram_model(LOGITS, sos=False, first_letters=[[1, 4]])
    sampled = Counter(name[0] for name in sample(model, "X", count=10_000, seed=5))

    assert chi_square_fits(sampled, {"a": 0.2, "b": 0.8})


def test_without_a_category_categories_are_sampled_uniformly():
    model = make_bigram_model(LOGITS, categories=("X", "Y", "Z"), first_letters=[[9, 1], [100, 3], [1, 1]])
    sampled = Counter(generated.category for generated in iterate(model, count=9_000, seed=6))

    assert chi_square_fits(sampled, {"X": 1 / 3, "Y": 1 / 3, "Z": 1 / 3})


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_dropout_gives_every_name_a_mask_of_its_own_at_each_letter(temperature):
    # The distribution of one choice is the mean over all masks; here over the 8 masks of 3 outputs.
    keep, rows = 0.7, []
    for row in LOGITS.clip(-4):
        mean = np.zeros(3)
        for mask in itertools.product([0, 1], repeat=3):
            masked = np.exp(np.where(mask, row / keep, 0.0) / temperature)
            mean += masked / masked.sum() * np.prod([keep if m else 1 - keep for m in mask])
        rows.append(mean)
    model = make_bigram_model(LOGITS.clip(-4))
    sampled = Counter(sample(model, "X", count=20_000, seed=8, dropout=0.3, temperature=temperature, max_length=8))

    assert chi_square_fits(sampled, name_shares(rows, 8))


@settings(max_examples=40, deadline=None)
@given(st.text("ab", max_size=5), st.integers(5, 9), st.integers(0, 2**40), st.sampled_from([0.0, 0.5, 1.0]))
def test_names_obey_their_prefix_and_the_length_limit(prefix, limit, seed, temperature):
    model = make_bigram_model(LOGITS)
    for name in sample(model, "X", [prefix], count=20, seed=seed, max_length=limit, temperature=temperature):
        assert name.startswith(prefix)
        assert len(prefix) <= len(name) <= limit
        assert set(name) <= {"a", "b"}


@pytest.mark.parametrize(("max_length", "letters"), [(None, 20), (4, 3)])
def test_greedy_names_are_cut_at_max_length_or_after_20_further_letters(max_length, letters):
    model = make_bigram_model([[5.0, 1, 0]] * 3, sos=False, sampling=SamplingConfig(temperature=0.0))

    assert sample(model, "X", "b", max_length=max_length) == ["b" + "a" * letters]


def test_a_model_that_never_ends_a_name_is_an_error_after_a_bounded_effort():
    with pytest.raises(NamegenError, match="--max-length"):
        sample(make_bigram_model([[5.0, 1, -1e4]] * 3), "X")


def test_names_that_may_be_very_long_are_given_up_after_fewer_attempts(monkeypatch):
    sampled, attempt = [], rejection.sample_prefix_tree

    def counted(source, config, prefixes, limits, prefix_of, *others):
        sampled.append(int(limits[prefix_of].sum()))
        return attempt(source, config, prefixes, limits, prefix_of, *others)

    monkeypatch.setattr(rejection, "sample_prefix_tree", counted)
    monkeypatch.setattr(rejection, "MAX_OPERATIONS", 2**30)
    model = replace(make_bigram_model(np.array([[5.0, 1, -1e4]] * 3)), longest=10**6)  # as a file may claim

    with pytest.raises(NamegenError, match=r"hardly ever ends .* within 10,000 letters"):
        sample(model, "X", seed=1)
    # A letter counts as at least 1024 multiplications for each of three outputs; each round doubles the attempts.
    assert 10_000 <= sum(sampled) <= 2 * 2**30 // 3072


@pytest.mark.parametrize(
    "options", [{"count": 1000, "temperature": 1.0}, {"count": 300, "temperature": 1.0, "dropout": 0.1}, {}]
)
def test_a_very_large_alphabet_takes_a_bounded_memory(options, monkeypatch):
    for module in (rejection, top_module):
        monkeypatch.setattr(module, "MAX_OPERATIONS", 2**28)
    letters = "".join(letter for letter in map(chr, range(0x4E00, 0x20000)) if letter.isprintable())[:20_000]
    model = make_model(training_config(hidden_size=16), letters=letters)
    model.weights["head.weight"] *= np.float32(0.01)
    model.weights["head.bias"][:] = 0
    model.weights["head.bias"][-1] = math.log(20_000)  # so that half of the names end after each letter
    tracemalloc.start()
    try:
        if options:
            assert len(sample(model, "X", seed=1, max_length=2, **options)) == options["count"]
        else:
            top(model, "X", count=1, max_length=2)
            score(model, "X", [f"{one}{other}" for one, other in zip(letters[:500], letters[500:], strict=False)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**28


@pytest.mark.parametrize("count", [0, 1, 7])
def test_output_has_count_names_per_letter_in_the_order_of_the_letters(count):
    names = sample(make_bigram_model(LOGITS), "X", "bab", count=count)

    assert [name[0] for name in names] == ["b"] * count + ["a"] * count + ["b"] * count


def test_the_same_seed_gives_the_same_names_and_another_seed_others():
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    names = sample(model, count=50, seed=1)

    assert sample(model, count=50, seed=1) == names
    assert sample(model, count=7, seed=1) == names[:7]
    assert sample(model, count=50, seed=2) != names
    assert sample(model, count=50) != sample(model, count=50)


@pytest.mark.parametrize(("one", "other"), [("X", "Y"), ("X", "X+Y"), ("X+Y", "X:2+Y")])
def test_names_of_two_categories_with_the_same_seed_have_the_same_initials_no_more_often_than_by_chance(one, other):
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    names = [sample(model, category, count=10_000, seed=1) for category in (one, other)]
    agreement = np.mean([first[0] == second[0] for first, second in zip(*names, strict=True)])

    chance = 0.7**2 + 0.3**2
    assert abs(agreement - chance) < 4 * (chance * (1 - chance) / 10_000) ** 0.5


SETTINGS = {
    "default": {},
    "temperature": {"temperature": 1.7},
    "top-k and top-p": {"top_k": 6, "top_p": 0.9, "temperature": 2.0},
    "dropout": {"temperature": 0.6, "dropout": 0.3},
    "greedy with dropout": {"temperature": 0.0, "dropout": 0.3},
    "short": {"max_length": 4},
}


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("recipe", ["default", "tutorial"])
@pytest.mark.parametrize("prefixes", [("",), ("ab", "", "cab")])
def test_many_names_sampled_together_are_the_names_sampled_one_by_one(recipe, options, prefixes):
    model = make_model(
        training_config(recipe, hidden_size=16),
        letters="abcdefg ",
        categories=("X", "Y"),
        first_letters=[[1, 2, 3, 4, 5, 6, 7, 0], [7, 6, 5, 4, 3, 2, 1, 0]],
    )
    model.weights.update({name: 0.4 * weight for name, weight in model.weights.items()})  # less sure of itself
    options = {"temperature": 0.9} | SETTINGS[options]
    together = sample(model, prefixes=prefixes, count=60, seed=1, **options)
    sampler = rejection.RejectionSampler(model, override_sampling(model.sampling, options), Filters(), None)
    one_by_one = []
    for number in range(60 * len(prefixes)):
        own = sampler.sample([prefixes[number // 60]], np.array([0]), 1, np.array([number])).names
        one_by_one.append(model.alphabet.decode_lines(own.letters, own.lengths).rstrip("\n"))

    assert together == one_by_one
    assert len(set(together)) >= 10


def test_many_names_are_distributed_as_in_plain_ancestral_sampling():
    # Plain: for each name by itself, one letter after the other, from the network's own probabilities.
    table = np.log([[0.1, 0.3, 0.2, 0.4], [0.3, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.4], [0.4, 0.3, 0.3, 0.0001]])
    model, rng = make_bigram_model(table, letters="abc"), np.random.default_rng(1)
    cumulative = np.cumsum(np.exp(table) / np.exp(table).sum(axis=1, keepdims=True), axis=1)
    plain = Counter()
    while plain.total() < 20_000:
        name, last = "", 3
        while (last := int(np.searchsorted(cumulative[last], rng.random()))) < 3:
            name += "abc"[last]
        plain[name] += 1
    del plain[""]
    sampled = Counter(sample(model, "X", count=40_000, seed=2, temperature=1.0))

    assert chi_square_alike(sampled, plain)


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_the_number_of_prefixes_per_step_does_not_change_the_names(rows, monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)
    options = {"count": 300, "seed": 1, "max_length": 6, "temperature": 0.5}
    names = sample(model, "X", **options)
    monkeypatch.setattr(prefix_tree, "_ROWS", rows)

    assert sample(model, "X", **options) == names


def test_the_size_of_a_block_does_not_change_the_names(monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)
    whole = sample(model, "X", count=700, seed=1)
    monkeypatch.setattr(partition, "BLOCK_SIZE", 130)
    monkeypatch.setattr(partition, "_FIRST_BLOCKS", (60,))

    assert [len(block.names) for block in blocks(model, "X", count=700, seed=1)] == [60, *[117] * 5, 55]
    assert sample(model, "X", count=700, seed=1) == whole


def test_ten_times_the_names_take_no_more_memory(monkeypatch):
    model = make_bigram_model(LOGITS)
    monkeypatch.setattr(partition, "BLOCK_SIZE", 2_000)
    monkeypatch.setattr(partition, "_FIRST_BLOCKS", (2_000,))
    peaks = []
    for count in (4_000, 40_000):
        tracemalloc.start()
        assert sum(len(block) for block in blocks(model, "X", count=count, seed=1)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.3 * peaks[0]


def test_a_block_holds_the_same_names_as_text_as_a_list_and_with_categories():
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    (block,) = blocks(model, count=50, seed=1)

    assert block.text == "".join(f"{name}\n" for name in block.names)
    assert [generated.category for generated in block] == [block.categories[index] for index in block.category_of]
    assert [generated.name for generated in block] == block.names == sample(model, count=50, seed=1)
    assert (block.scores, next(iter(block)).score) == (None, None)


# Shards


def run_shards(model, shards, *arguments, **options):
    """Return the names of each shard."""
    return [list(iterate(model, *arguments, shard=(k, shards), **options)) for k in range(1, shards + 1)]


def letters_model():
    """A model of two categories and seven letters that knows some names, a and b."""
    shares = np.random.default_rng(1).dirichlet(np.ones(7), size=8)
    table = np.log(np.hstack([0.65 * shares, np.full((8, 1), 0.35)]))
    known = sorted(int.from_bytes(hash_name(name), "big") for name in (b"a", b"b"))
    model = make_bigram_model(table, letters="abcdefg", categories=("X", "Y"), first_letters=[[1] * 7] * 2)
    return replace(model, name_hashes=np.array(known, np.uint64))


@pytest.mark.parametrize("shards", [1, 3, 7])
@pytest.mark.parametrize(("prefixes", "count"), [(("",), 1000), ("gab", 1), (("ab", "", "ab"), 7), ("", 5)])
def test_the_shards_in_order_are_all_names(prefixes, count, shards):
    model = letters_model()
    names = list(iterate(model, None, prefixes, count=count, seed=1))

    assert list(itertools.chain(*run_shards(model, shards, None, prefixes, count=count, seed=1))) == names
    with_iterator = [list(iterate(model, None, iter(prefixes), count=count, seed=1, shard=(k, 2))) for k in (1, 2)]
    assert list(itertools.chain(*with_iterator)) == names


@pytest.mark.parametrize("shards", [2, 3, 10])
@pytest.mark.parametrize(("prefixes", "count"), [(("",), 1000), ("gab", 301), (("ab", "", "ab") * 50, 7)])
def test_shards_are_cut_between_blocks_and_differ_in_size_by_at_most_one(monkeypatch, prefixes, count, shards):
    monkeypatch.setattr(partition, "BLOCK_SIZE", 40)
    monkeypatch.setattr(partition, "_FIRST_BLOCKS", (12,))
    monkeypatch.setattr(partition, "_PREFIXES_PER_BLOCK", 35)
    model, options = letters_model(), {"count": count, "seed": 1}
    texts = [block.text for block in blocks(model, "X", prefixes, **options)]
    dealt = [[b.text for b in blocks(model, "X", prefixes, shard=(k, shards), **options)] for k in range(1, shards + 1)]

    assert list(itertools.chain(*dealt)) == texts
    sizes = [sum(text.count("\n") for text in own) for own in dealt]
    assert max(abs(size - sum(sizes) / shards) for size in sizes) <= 40


@pytest.mark.parametrize(
    "options",
    [
        {"match": ".*[a-d]"},
        {"min_length": 3, "max_length": 4},
        {"novel": True, "exclude": ("a", "b", "ca")},
        {"temperature": 0.0, "dropout": 0.3},
        {"top_k": 2, "top_p": 0.9, "guidance": 0.5, "scores": True},
    ],
    ids="-".join,
)
@pytest.mark.parametrize("category", ["X:2+Y", None])
def test_shards_work_with_filters_settings_and_scores(category, options):
    model = letters_model()
    names = list(iterate(model, category, "ga", count=40, seed=1, **options))
    dealt = list(itertools.chain(*run_shards(model, 3, category, "ga", count=40, seed=1, **options)))

    assert [generated[:2] for generated in dealt] == [generated[:2] for generated in names]
    if "scores" in options:
        scores = [generated.score for generated in names]
        assert [generated.score for generated in dealt] == pytest.approx(scores, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "cuts"),
    [({}, [0, 56, 101, 153, 202]), ({"match": "[ab]*"}, [0, 52, 101, 149, 202])],
    ids=["plain", "filtered"],
)
def test_a_shard_samples_its_own_names_and_no_others(monkeypatch, options, cuts):
    model, asked, plain = make_bigram_model(LOGITS), [], rejection.RejectionSampler.sample

    def noted(self, prefixes, prefix_of, seed, numbers):
        asked.extend(numbers.tolist())
        return plain(self, prefixes, prefix_of, seed, numbers)

    monkeypatch.setattr(rejection.RejectionSampler, "sample", noted)
    # Blocks begin at 0, 4, 17, 30, 43, 56, ..., 101, 114, ..., 153.
    # Filtered ones begin at 0, 4, 20, 36, 52, ..., 101, 117, ..., 149.
    monkeypatch.setattr(partition, "BLOCK_SIZE", 16)
    monkeypatch.setattr(partition, "_FIRST_BLOCKS", (4,))
    monkeypatch.setattr(partition, "FILTERED_BLOCK", 16)
    monkeypatch.setattr(partition, "_FIRST_FILTERED_BLOCKS", (4,))
    monkeypatch.setattr(partition, "_PREFIXES_PER_BLOCK", 1)
    for k in range(1, 5):
        asked.clear()
        list(iterate(model, "X", "ab", count=101, seed=1, shard=(k, 4), **options))
        assert asked == list(range(cuts[k - 1], cuts[k]))


def test_a_shard_of_a_huge_job_begins_at_once(monkeypatch):
    monkeypatch.setattr(partition, "BLOCK_SIZE", 500)
    last = blocks(make_bigram_model(LOGITS), "X", count=10**15, seed=1, shard=(10**6, 10**6))

    assert len(next(last)) == 500


def test_a_shard_of_endless_prefixes_is_an_error(monkeypatch):
    monkeypatch.setattr(generate, "_MAX_SHARD_PREFIXES", 50)
    model = make_bigram_model(LOGITS)

    assert len(list(iterate(model, "X", itertools.repeat("a", 50), seed=1, shard=(1, 2)))) == 25
    with pytest.raises(UsageError, match="at most 50 prefixes"):
        iterate(model, "X", itertools.repeat("a"), seed=1, shard=(1, 2))


def test_a_name_that_cannot_be_sampled_fails_in_its_own_shard(monkeypatch):
    monkeypatch.setattr(partition, "_FIRST_FILTERED_BLOCKS", (4, 4))
    # What begins with a ends; what begins with b never does.
    model = make_bigram_model([[-1e4, -1e4, 0], [-1e4, 0, -1e4], [0, 0, -1e4]])
    options = {"count": 4, "seed": 1, "max_length": 9, "match": "[ab]*"}

    assert [len(sample(model, "X", "aba", shard=(k, 3), **options)) for k in (1, 3)] == [4, 4]
    with pytest.raises(NamegenError):
        sample(model, "X", "aba", shard=(2, 3), **options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        *[({"shard": shard}, "shard") for shard in [(0, 4), (5, 4), (1, 0), (1, 10**6 + 1), (1.5, 4), (True, 1)]],
        *[({"shard": shard}, "a pair") for shard in [3, "1/2", (1,)]],
        ({"seed": None}, "--seed"),
        ({"unique": True}, "--unique"),
        ({"count": 10**15, "prefixes": "ab"}, "at most 1,000,000,000,000,000"),
        ({"prefixes": iter("ab9")}, "'9'"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_impossible_shards_are_errors_before_the_first_name(options, complaint):
    with pytest.raises(UsageError, match=complaint):
        blocks(make_bigram_model(LOGITS), "X", **{"shard": (1, 2), "seed": 1, **options})


def test_blocks_are_smaller_if_names_may_be_very_long(monkeypatch):
    model = make_bigram_model(LOGITS)
    names = sample(model, "X", count=50, seed=1, max_length=50)
    monkeypatch.setattr(block_sampler, "LETTERS_PER_ROUND", 1000)
    made = [block.names for block in blocks(model, "X", count=50, seed=1, max_length=50)]

    assert [len(block) for block in made] == [20, 20, 10]
    assert list(itertools.chain(*made)) == names


def test_wrong_arguments_are_raised_before_the_first_name_is_taken():
    model = make_bigram_model(LOGITS)
    for wrong in ({"category": "Q"}, {"prefixes": ["9"]}, {"count": -1}, {"count": 10**15 + 1}, {"top_k": 0}):
        with pytest.raises(UsageError):
            iterate(model, **wrong)


def test_prefixes_from_an_iterator_are_read_as_names_are_taken():
    read = []

    def prefixes():
        for prefix in ("a", "b", "9"):
            read.append(prefix)
            yield prefix

    names = iterate(make_bigram_model(LOGITS), "X", prefixes())
    assert next(names).name.startswith("a")
    assert read == ["a"]
    assert next(names).name.startswith("b")
    with pytest.raises(UsageError):
        next(names)


def test_an_empty_name_is_never_generated():
    # After SOS the name ends at once in three of four cases, and is sampled again.
    table = np.log([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.15, 0.1, 0.75]])
    sampled = Counter(name[:1] for name in sample(make_bigram_model(table), "X", count=6_000, seed=9))

    assert chi_square_fits(sampled, {"a": 0.6, "b": 0.4})


def test_names_with_blanks_at_their_ends_or_two_in_a_row_are_never_generated():
    table = np.log([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.5, 0.4, 0.1]])
    names = sample(make_bigram_model(table, letters="a "), "X", count=2_000, seed=10)

    assert all(name and name == " ".join(name.split()) for name in names)


def test_without_sos_the_length_limit_conditions_the_first_letter_too():
    never = -1e4
    model = make_bigram_model(
        [[np.log(0.5), never, np.log(0.5)], [never, never, 0], [0, never, never]], sos=False, first_letters=[[3, 1]]
    )
    sampled = Counter(sample(model, "X", count=8_000, seed=11, max_length=1))

    # a ends at one letter half of the time: 3/4 * 1/2 against 1/4.
    assert chi_square_fits(sampled, {"a": 0.6, "b": 0.4})


def test_a_blank_at_the_end_of_a_prefix_is_obeyed():
    model = make_bigram_model(np.log(np.full((4, 4), 0.25)), letters="ab ")

    assert all(name.startswith("a ") and len(name) > 2 for name in sample(model, "X", ["a "], count=50))


def test_scores_do_not_depend_on_guidance():
    model = make_model(training_config(hidden_size=4), categories=("X", "Y"), seed=3)
    plain, guided = (
        list(iterate(model, "X", count=400, seed=1, scores=True, temperature=1.0, guidance=guidance))
        for guidance in (0.0, 2.0)
    )
    known = {generated.name: generated.score for generated in plain}
    both = [generated for generated in guided if generated.name in known]

    assert [generated.name for generated in plain] != [generated.name for generated in guided]
    assert both
    assert all(generated.score == pytest.approx(known[generated.name], abs=1e-5) for generated in both)


def test_guidance_moves_a_category_of_names_away_from_the_others():
    model = make_model(training_config(hidden_size=4), categories=("X", "Y"))
    for name, weight in model.weights.items():
        weight[:] = 0
        if name == "category_output.weight":  # each letter is sampled by the category alone: a: 0.5, b: 0.25, the end
            weight[:] = np.log([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    names = "".join(sample(model, "X", count=20_000, seed=1, temperature=1.0, guidance=1.0))
    # Twice the distance from the mean in the logits: a to b are as 2 ** 2 to 1.
    share, expected = names.count("a") / len(names), 4 / 5

    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / len(names))


@pytest.mark.parametrize("cut", [{"top_k": 3}, {"top_p": 0.5}])
def test_greedy_resets_the_models_own_cuts_and_refuses_others(cut):
    model = make_model(training_config(hidden_size=4), sampling=SamplingConfig(temperature=0.8, top_p=0.9))

    assert len(set(sample(model, count=20, temperature=0.0))) == 1
    with pytest.raises(UsageError, match="have no effect at temperature 0"):
        sample(model, temperature=0.0, **cut)
