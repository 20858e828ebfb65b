"""Drawing names: exactly the distribution that the network and the settings define."""

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
from namegen.models.categories import find_category
from namegen.recipes import training_config
from namegen.sampling import generate as sampling
from namegen.sampling import prefix_tree as prefixtree
from namegen.sampling import rejection as sampler
from namegen.sampling import top as search
from namegen.sampling.generate import blocks, iterate, sample
from namegen.sampling.prefixes import fit_prefix
from namegen.sampling.top import top
from support import make_bigram_model, make_model


def test_names_have_the_probabilities_that_the_network_gives_them():
    model = make_bigram_model(LOGITS)
    drawn = Counter(sample(model, "X", count=30_000, seed=1, max_length=12))

    assert chi_square_fits(drawn, name_shares(TABLE, 12))


def test_a_name_that_is_too_long_is_drawn_again_not_cut():
    model = make_bigram_model(LOGITS)
    drawn = Counter(sample(model, "X", count=20_000, seed=2, max_length=3))

    assert chi_square_fits(drawn, name_shares(TABLE, 3))


def test_names_with_a_prefix_are_distributed_as_names_that_happen_to_begin_so():
    model = make_bigram_model(LOGITS)
    drawn = Counter(sample(model, "X", ["ab"], count=20_000, seed=3, max_length=10))

    assert chi_square_fits(drawn, name_shares(TABLE, 10, begin="ab"))


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
    drawn = Counter(sample(model, "X", count=4_000, seed=4, config=config))

    assert chi_square_fits(drawn, name_shares(rows, 6))


def name_shares_unnormalised(rows, limit):
    """The probability that a name ends at each length."""
    state, ends = np.array([0.0, 0.0, 1.0]), []
    for _ in range(limit + 1):
        step = np.array([state @ [row[o] for row in rows] for o in range(3)])
        ends.append(step[2])
        state = np.array([step[0], step[1], 0.0])
    return ends


def test_without_an_sos_token_first_letters_are_drawn_as_often_as_names_begin_with_them():
    model = make_bigram_model(LOGITS, sos=False, first_letters=[[1, 4]])
    drawn = Counter(name[0] for name in sample(model, "X", count=10_000, seed=5))

    assert chi_square_fits(drawn, {"a": 0.2, "b": 0.8})


def test_without_a_category_each_is_drawn_as_often():
    model = make_bigram_model(
        LOGITS, categories=("X", "Y", "Z"), first_letters=[[9, 1], [100, 3], [1, 1]], letters="ab"
    )
    drawn = Counter(draw.category for draw in iterate(model, count=9_000, seed=6))

    assert chi_square_fits(drawn, {"X": 1 / 3, "Y": 1 / 3, "Z": 1 / 3})


def test_the_first_names_of_many_are_a_fair_sample_too():
    model = make_bigram_model(LOGITS)
    drawn = Counter(sample(model, "X", count=60_000, seed=7, max_length=12)[:8_000])

    assert chi_square_fits(drawn, name_shares(TABLE, 12))


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
    drawn = Counter(sample(model, "X", count=20_000, seed=8, dropout=0.3, temperature=temperature, max_length=8))

    assert chi_square_fits(drawn, name_shares(rows, 8))


@settings(max_examples=40, deadline=None)
@given(st.text("ab", max_size=5), st.integers(5, 9), st.integers(0, 2**40), st.sampled_from([0.0, 0.5, 1.0]))
def test_names_obey_their_prefix_and_the_length_limit(prefix, limit, seed, temperature):
    model = make_bigram_model(LOGITS)
    for name in sample(model, "X", [prefix], count=20, seed=seed, max_length=limit, temperature=temperature):
        assert name.startswith(prefix)
        assert len(prefix) <= len(name) <= limit
        assert set(name) <= {"a", "b"}


def test_the_tutorial_stops_after_20_further_letters():
    endless = np.array([[5.0, 1, 0], [5, 1, 0], [5, 1, 0]])
    model = make_bigram_model(endless, sos=False, sampling=SamplingConfig(temperature=0.0))

    assert sample(model, "X", "b") == ["b" + "a" * 20]


def test_the_greedy_choice_is_cut_at_max_length():
    endless = np.array([[5.0, 1, 0], [5, 1, 0], [5, 1, 0]])
    model = make_bigram_model(endless)

    assert sample(model, "X", "b", temperature=0.0, max_length=4) == ["baaa"]


def test_a_model_that_never_ends_a_name_is_an_error_after_a_bounded_effort():
    endless = np.array([[5.0, 1, -1e4], [5, 1, -1e4], [5, 1, -1e4]])

    with pytest.raises(NamegenError, match="--max-length"):
        sample(make_bigram_model(endless), "X")


def test_names_that_may_be_very_long_are_not_drawn_in_vain_as_often(monkeypatch):
    drawn, attempt = [], sampler.sample_autoregressive

    def counted(source, config, prefixes, limits, streams):
        drawn.append(int(np.sum(limits)))
        return attempt(source, config, prefixes, limits, streams)

    monkeypatch.setattr(sampler, "sample_autoregressive", counted)
    monkeypatch.setattr(sampler, "MAX_OPERATIONS", 2**32)
    model = replace(make_bigram_model(np.array([[5.0, 1, -1e4]] * 3)), longest=10**6)  # as a file may claim

    with pytest.raises(NamegenError, match=r"hardly ever ends .* within 10,000 letters"):
        sample(model, "X", seed=1)
    # A letter counts as 1024 multiplications for each of three outputs at least; each round of draws is as long as all
    # before it.
    assert 10_000 <= sum(drawn) <= 2 * 2**32 // 3072


def test_how_long_a_name_is_drawn_in_vain_does_not_depend_on_the_other_names(monkeypatch):
    monkeypatch.setattr(sampler, "MAX_OPERATIONS", 2**25)
    rare = make_bigram_model(np.array([[3.0, 1, -1.5], [3, 1, -1.5], [3, 1, -1.5]]))

    def until_the_first_that_fails(count):
        found = []
        drawing = iterate(rare, "X", count=count, seed=1, max_length=8)
        with pytest.raises(NamegenError):
            found.extend(draw.name for draw in drawing)
        return found

    assert until_the_first_that_fails(400) == until_the_first_that_fails(3000)


@pytest.mark.parametrize(
    "ways", [{"temperature": 0.9, "top_p": 0.95, "count": 600}, {"temperature": 1.0, "dropout": 0.1, "count": 400}, {}]
)
def test_a_very_large_alphabet_takes_a_bounded_memory(ways, monkeypatch):
    for module in (sampler, search):
        monkeypatch.setattr(module, "MAX_OPERATIONS", 2**28)
    letters = "".join(letter for letter in map(chr, range(0x4E00, 0x20000)) if letter.isprintable())[:20_000]
    model = make_model(training_config(hidden_size=16), letters=letters)
    model.weights["head.weight"] *= np.float32(0.01)
    model.weights["head.bias"][:] = 0
    model.weights["head.bias"][-1] = math.log(20_000)  # so that half of the names end after each letter
    tracemalloc.start()
    try:
        if ways:
            assert len(sample(model, "X", seed=1, max_length=4, **ways)) == ways["count"]
        else:
            top(model, "X", count=1, max_length=3)
            score(model, "X", [f"{one}{other}" for one, other in zip(letters[:1000], letters[1000:], strict=False)])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**28


def test_output_follows_the_order_of_the_letters():
    model = make_bigram_model(LOGITS)

    assert [name[0] for name in sample(model, "X", "bab", count=2)] == list("bbaabb")


def test_the_same_seed_gives_the_same_names_and_another_other_names():
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    one = sample(model, count=50, seed=1)

    assert sample(model, count=50, seed=1) == one
    assert sample(model, count=50, seed=2) != one
    assert sample(model, count=50) != sample(model, count=50)


WAYS = {
    "default": {},
    "temperature": {"temperature": 1.7},
    "top-k and top-p": {"top_k": 6, "top_p": 0.9, "temperature": 2.0},
    "dropout": {"temperature": 0.6, "dropout": 0.3},
    "greedy with dropout": {"temperature": 0.0, "dropout": 0.3},
    "short": {"max_length": 4},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("recipe", ["default", "tutorial"])
@pytest.mark.parametrize("prefixes", [("",), ("ab", "", "cab")])
def test_a_tree_draws_the_very_names_that_are_drawn_one_beside_the_other(recipe, way, prefixes, monkeypatch):
    model = make_model(
        training_config(recipe, hidden_size=16),
        letters="abcdefg ",
        categories=("X", "Y"),
        first_letters=[[1, 2, 3, 4, 5, 6, 7, 0], [7, 6, 5, 4, 3, 2, 1, 0]],
    )
    model.weights.update({name: 0.4 * weight for name, weight in model.weights.items()})  # less sure of itself
    drawn = {}
    for apart in (0, 10**9):
        monkeypatch.setattr(sampler, "_MAX_ROWS_PER_PREFIX", apart)
        drawn[apart] = list(iterate(model, prefixes=prefixes, count=400, seed=1, **{"temperature": 0.9} | WAYS[way]))

    assert drawn[0] == drawn[10**9]
    assert len({draw.name for draw in drawn[0]}) > 20


def test_many_names_are_drawn_as_plain_ancestral_sampling_draws_them():
    # Plain: for each name by itself, one letter after the other, from the network's own probabilities.
    table = np.log([[0.1, 0.3, 0.2, 0.4], [0.3, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.4], [0.4, 0.3, 0.3, 0.0001]])
    model, rng = make_bigram_model(table, letters="abc"), np.random.default_rng(1)
    plain = Counter()
    shares = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
    while plain.total() < 20_000:
        name, last = "", 3
        while (last := rng.choice(4, p=shares[last])) < 3:
            name += "abc"[last]
        plain[name] += 1
    del plain[""]
    drawn = Counter(sample(model, "X", count=100_000, seed=2, temperature=1.0))

    assert chi_square_alike(drawn, plain)


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_the_working_chunk_does_not_change_the_names(rows, monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)
    whole = sample(model, "X", count=3_000, seed=1, max_length=6, temperature=0.5)
    monkeypatch.setattr(prefixtree, "_ROWS", rows)

    assert sample(model, "X", count=3_000, seed=1, max_length=6, temperature=0.5) == whole


def test_the_size_of_a_block_does_not_change_the_names(monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)
    whole = sample(model, "X", count=700, seed=1)
    monkeypatch.setattr(sampling, "BLOCK_SIZE", 130)
    monkeypatch.setattr(sampling, "_FIRST_BLOCK", 60)

    assert [len(block.names) for block in blocks(model, "X", count=700, seed=1)] == [60, 130, 130, 130, 130, 120]
    assert sample(model, "X", count=700, seed=1) == whole


def test_ten_times_the_names_take_no_more_memory(monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)
    monkeypatch.setattr(sampling, "BLOCK_SIZE", 2_000)
    monkeypatch.setattr(sampling, "_FIRST_BLOCK", 2_000)
    peaks = []
    for count in (4_000, 40_000):
        tracemalloc.start()
        drawn = sum(len(block.category_of) for block in blocks(model, "X", count=count, seed=1))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert drawn == count

    assert peaks[1] < 1.3 * peaks[0]


def test_more_names_begin_with_those_that_fewer_are():
    model = make_model(training_config(hidden_size=16), letters="abcdefgh", seed=1)

    assert sample(model, "X", count=300, seed=1)[:5] == sample(model, "X", count=5, seed=1)


def test_a_block_has_as_many_names_and_categories_and_its_text_is_its_names():
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    (block,) = blocks(model, count=50, seed=1)

    assert block.text == "".join(f"{name}\n" for name in block.names)
    assert [draw.category for draw in block] == [block.categories[index] for index in block.category_of]
    assert [draw.name for draw in block] == block.names == sample(model, count=50, seed=1)


# Shards


def of_shards(model, shards, *arguments, **options):
    """What each of some shards gives."""
    return [list(iterate(model, *arguments, shard=(k, shards), **options)) for k in range(1, shards + 1)]


def letters_model():
    """A model of two categories and seven letters that knows some names, a and b."""
    shares = np.random.default_rng(1).dirichlet(np.ones(7), size=8)
    table = np.log(np.hstack([0.65 * shares, np.full((8, 1), 0.35)]))
    known = sorted(int.from_bytes(hash_name(name), "big") for name in (b"a", b"b"))
    model = make_bigram_model(table, letters="abcdefg", categories=("X", "Y"), first_letters=[[1] * 7] * 2)
    return replace(model, name_hashes=np.array(known, np.uint64))


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("prefixes", "count"), [(("",), 1000), ("gab", 1), ("gab", 30), (("ab", "", "ab"), 7), ("", 5)]
)
def test_the_shards_one_after_the_other_are_the_whole(prefixes, count, shards):
    model = letters_model()
    whole = list(iterate(model, None, prefixes, count=count, seed=1))
    dealt = of_shards(model, shards, None, prefixes, count=count, seed=1)

    assert list(itertools.chain(*dealt)) == whole


@pytest.mark.parametrize("shards", [2, 3, 10])
@pytest.mark.parametrize(("prefixes", "count"), [(("",), 1000), ("gab", 301), (("ab", "", "ab") * 50, 7)])
def test_shards_are_cut_between_the_blocks_of_the_whole_and_alike_but_for_a_block(monkeypatch, prefixes, count, shards):
    monkeypatch.setattr(sampling, "BLOCK_SIZE", 40)
    monkeypatch.setattr(sampling, "_FIRST_BLOCK", 12)
    monkeypatch.setattr(sampling, "_PREFIXES_PER_BLOCK", 35)
    model, options = letters_model(), {"count": count, "seed": 1}
    whole = [block.text for block in blocks(model, "X", prefixes, **options)]
    dealt = [[b.text for b in blocks(model, "X", prefixes, shard=(k, shards), **options)] for k in range(1, shards + 1)]

    assert list(itertools.chain(*dealt)) == whole
    sizes = [sum(text.count("\n") for text in texts) for texts in dealt]
    assert max(abs(size - sum(sizes) / shards) for size in sizes) <= 40


@pytest.mark.parametrize("shards", [2, 3, 7, 500])
def test_where_names_are_rejected_shards_are_alike_but_for_one_name(shards):
    dealt = of_shards(letters_model(), shards, "X", "ga", count=120, seed=1, match=".*[a-d]")

    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


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
@pytest.mark.parametrize("category", ["Y", "X:2+Y", None])
def test_shards_go_with_filters_ways_and_scores(category, options):
    model = letters_model()
    whole = list(iterate(model, category, "ga", count=40, seed=1, **options))
    dealt = list(itertools.chain(*of_shards(model, 3, category, "ga", count=40, seed=1, **options)))

    assert [(draw.category, draw.name) for draw in dealt] == [(draw.category, draw.name) for draw in whole]
    if "scores" in options:
        assert [draw.score for draw in dealt] == pytest.approx([draw.score for draw in whole], rel=1e-5)


def numbers_drawn(monkeypatch, model, *arguments, **options):
    """The numbers of the names that the sampler is asked for."""
    asked, draw = [], sampler.RejectionSampler.sample

    def noted(self, prefixes, prefix_of, seed, numbers):
        asked.extend(numbers.tolist())
        return draw(self, prefixes, prefix_of, seed, numbers)

    with monkeypatch.context() as patched:
        patched.setattr(sampler.RejectionSampler, "sample", noted)
        list(iterate(model, *arguments, **options))
    return asked


@pytest.mark.parametrize(
    ("options", "cuts"),
    [({}, [0, 52, 101, 149, 202]), ({"match": "[ab]*"}, [0, 50, 101, 151, 202])],
    ids=["plain", "filtered"],
)
def test_a_shard_draws_its_own_names_and_no_others(monkeypatch, options, cuts):
    model = make_bigram_model(LOGITS)
    monkeypatch.setattr(
        sampling, "BLOCK_SIZE", 16
    )  # blocks begin at 0, 4, 20, 36, 52, ..., and at 101, 117, ..., 149, 165
    monkeypatch.setattr(sampling, "_FIRST_BLOCK", 4)
    monkeypatch.setattr(sampling, "_PREFIXES_PER_BLOCK", 1)
    for k in range(1, 5):
        asked = numbers_drawn(monkeypatch, model, "X", "ab", count=101, seed=1, shard=(k, 4), **options)
        assert asked == list(range(cuts[k - 1], cuts[k]))


def test_a_shard_of_a_job_that_no_machine_could_do_begins_at_once(monkeypatch):
    monkeypatch.setattr(sampling, "BLOCK_SIZE", 500)
    last = blocks(make_bigram_model(LOGITS), "X", count=10**15, seed=1, shard=(10**6, 10**6))

    assert len(next(last).names) == sampling.BLOCK_SIZE


def test_shards_of_prefixes_from_an_iterator_are_the_whole():
    model = letters_model()
    prefixes = [*"abcdefg", "", "ab"]
    whole = list(iterate(model, "X", iter(prefixes), count=2, seed=1))
    dealt = [list(iterate(model, "X", iter(prefixes), count=2, seed=1, shard=(k, 4))) for k in range(1, 5)]

    assert list(itertools.chain(*dealt)) == whole


def test_a_shard_refuses_a_bad_prefix_wherever_it_comes_in_the_whole():
    for k in (1, 2):
        with pytest.raises(UsageError, match="'9'"):
            iterate(make_bigram_model(LOGITS), "X", iter("ab9"), seed=1, shard=(k, 2))


def test_a_shard_of_prefixes_that_do_not_end_is_an_error(monkeypatch):
    monkeypatch.setattr(sampling, "_MAX_SHARD_PREFIXES", 50)
    model = make_bigram_model(LOGITS)

    assert len(list(iterate(model, "X", itertools.repeat("a", 50), seed=1, shard=(1, 2)))) == 25
    with pytest.raises(UsageError, match="more than 50 prefixes"):
        iterate(model, "X", itertools.repeat("a"), seed=1, shard=(1, 2))


def test_a_name_that_cannot_be_drawn_fails_in_its_shard_alone():
    # What begins with a ends; what begins with b never does.
    model = make_bigram_model([[-1e4, -1e4, 0], [-1e4, 0, -1e4], [0, 0, -1e4]])
    drawn, failed = [], []
    for k in (1, 2, 3):
        try:
            drawn.append(len(sample(model, "X", "aba", count=4, seed=1, max_length=9, match="[ab]*", shard=(k, 3))))
        except NamegenError:
            failed.append(k)

    assert (drawn, failed) == ([4, 4], [2])


@pytest.mark.parametrize(
    "shard", [(0, 4), (5, 4), (1, 0), (-1, 4), (1, 10**6 + 1), (1.5, 4), (True, 1), ("a", 4), (1,)]
)
def test_a_shard_that_there_cannot_be_is_an_error(shard):
    with pytest.raises(UsageError, match="shard"):
        blocks(make_bigram_model(LOGITS), "X", count=10, seed=1, shard=shard)


@pytest.mark.parametrize("shard", [3, "1/2", {1, 2}])
def test_a_shard_that_is_no_pair_is_an_error(shard):
    with pytest.raises(UsageError, match="a pair"):
        blocks(make_bigram_model(LOGITS), "X", count=10, seed=1, shard=shard)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"seed": None}, "--seed"),
        ({"unique": True}, "--unique"),
        ({"count": 10**15, "prefixes": "ab"}, "no more than 1,000,000,000,000,000"),
    ],
    ids=["no seed", "unique", "too many"],
)
def test_what_cannot_be_dealt_out_is_an_error_before_the_first_name(options, complaint):
    with pytest.raises(UsageError, match=complaint):
        blocks(make_bigram_model(LOGITS), "X", shard=(1, 2), **{"seed": 1, **options})


@pytest.mark.parametrize("count", [0, 1, 7])
def test_there_are_as_many_names_as_asked_for(count):
    assert len(sample(make_bigram_model(LOGITS), "X", "ab", count=count)) == 2 * count


def test_a_category_is_matched_exactly_first_then_ignoring_case():
    model = make_bigram_model(LOGITS, categories=("Elf", "elf", "Orc"), first_letters=[[1, 1]] * 3)

    assert [find_category(model, name) for name in ("Elf", "elf", "orc", "ORC")] == [0, 1, 2, 2]
    with pytest.raises(UsageError):
        find_category(model, "ELF")


@pytest.mark.parametrize(
    ("name", "hint"), [("Germn", "did you mean German?"), ("zzz", "this model has German, Italian")]
)
def test_a_misspelt_category_gets_a_suggestion(name, hint):
    model = make_bigram_model(LOGITS, categories=("German", "Italian"), first_letters=[[1, 1]] * 2)

    with pytest.raises(UsageError, match=hint.replace("?", r"\?")):
        find_category(model, name)


LATIN = "".join(chr(c) for c in range(ord("a"), ord("z") + 1))


@pytest.mark.parametrize(
    ("given_prefix", "fitted"),
    [("Ł", "L"), ("Æ", "Ae"), ("s", "S"), ("sch", "Sch"), ("SCH", "Sch"), ("McD", "McD"), ("O'B", "O'B"), ("", "")],
)
def test_a_prefix_is_transliterated_and_takes_the_case_that_names_begin_with(given_prefix, fitted):
    letters = LATIN + LATIN.upper() + "'"
    begins = [[0] * 26 + [1] * 26 + [0]]
    model = make_model(training_config(hidden_size=2), letters=letters, first_letters=begins)

    assert fit_prefix(model, given_prefix) == fitted


@pytest.mark.parametrize(("given_prefix", "fitted"), [("Ł", "l"), ("Æ", "ae"), ("Sch", "sch"), ("SCH", "sch")])
def test_a_prefix_is_in_lower_case_where_names_are(given_prefix, fitted):
    letters = LATIN + LATIN.upper()
    model = make_model(training_config(hidden_size=2), letters=letters, first_letters=[[1] * 26 + [0] * 26])

    assert fit_prefix(model, given_prefix) == fitted


@pytest.mark.parametrize("prefix", ["9", "a9", "?", " ", "\u0301"])
def test_a_prefix_that_no_name_can_begin_with_is_an_error_that_shows_the_letters(prefix):
    with pytest.raises(UsageError, match="no name can begin with"):
        fit_prefix(make_bigram_model(LOGITS), prefix)


def test_a_prefix_longer_than_a_name_may_be_is_an_error():
    with pytest.raises(UsageError, match="longer than the max length of 3"):
        sample(make_bigram_model(LOGITS), "X", ["abab"], max_length=3)


def test_a_prefix_longer_than_any_name_may_be_is_an_error():
    with pytest.raises(UsageError, match="longer than the max length of 10,000"):
        sample(make_bigram_model(LOGITS), "X", ["a" * 10_001])


def test_where_names_may_be_very_long_blocks_are_smaller(monkeypatch):
    model = make_bigram_model(LOGITS)
    whole = sample(model, "X", count=50, seed=1, max_length=50)
    monkeypatch.setattr(sampling, "LETTERS_PER_ROUND", 1000)

    made = list(blocks(model, "X", count=50, seed=1, max_length=50))
    assert [len(block.names) for block in made] == [20, 20, 10]
    assert [name for block in made for name in block.names] == whole


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

    draws = iterate(make_bigram_model(LOGITS), "X", prefixes())
    assert next(draws).name.startswith("a")
    assert read == ["a"]
    assert next(draws).name.startswith("b")
    with pytest.raises(UsageError):
        next(draws)


def test_an_empty_name_is_never_drawn():
    # After SOS the name ends at once in three of four cases; these are drawn again.
    table = np.log([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.15, 0.1, 0.75]])
    drawn = Counter(name[:1] for name in sample(make_bigram_model(table), "X", count=6_000, seed=9))

    assert chi_square_fits(drawn, {"a": 0.6, "b": 0.4})


def test_names_with_blanks_at_their_ends_or_two_in_a_row_are_never_drawn():
    table = np.log([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.5, 0.4, 0.1]])
    model = make_bigram_model(table, letters="a ")

    for name in sample(model, "X", count=2_000, seed=10):
        assert name
        assert name == " ".join(name.split())


def test_without_sos_the_length_limit_conditions_the_first_letter_too():
    # Names are aa (too long) or b: after a comes a, then the end; after b the end.
    sure, never = 0.0, -1e4
    model = make_bigram_model(
        [[np.log(0.5), never, np.log(0.5)], [never, never, sure], [sure, never, never]],
        sos=False,
        first_letters=[[3, 1]],
    )
    drawn = Counter(sample(model, "X", count=8_000, seed=11, max_length=1))

    # a ends at one letter half of the time: 3/4 * 1/2 against 1/4.
    assert chi_square_fits(drawn, {"a": 0.6, "b": 0.4})


def test_a_blank_at_the_end_of_a_prefix_is_obeyed():
    model = make_bigram_model(np.log(np.full((4, 4), 0.25)), letters="ab ")

    assert all(name.startswith("a ") and len(name) > 2 for name in sample(model, "X", ["a "], count=50))


@pytest.mark.parametrize(
    ("casing", "given_prefix", "fitted"),
    [("upper", "sch", "SCH"), ("upper", "AB", "AB"), ("none", "sCh", "sCh"), ("capitalised", "ab", "Ab")],
)
def test_a_prefix_takes_the_case_of_the_training_names(casing, given_prefix, fitted):
    model = make_model(training_config(hidden_size=2), letters=LATIN + LATIN.upper(), casing=casing)

    assert fit_prefix(model, given_prefix) == fitted


def test_a_category_is_found_however_its_accents_are_encoded():
    model = make_bigram_model(LOGITS, categories=("Fran\u00e7ais",))

    assert find_category(model, "Franc\u0327ais") == 0


def test_a_network_is_prepared_once_for_each_category(monkeypatch):
    prepared = []
    monkeypatch.setattr(sampler, "_MAX_ROWS_PER_PREFIX", 0)
    real = sampler.build_steppers
    monkeypatch.setattr(
        sampler, "build_steppers", lambda model: lambda index: prepared.append(index) or real(model)(index)
    )
    monkeypatch.setattr(sampling, "_FIRST_BLOCK", 10)
    monkeypatch.setattr(sampling, "BLOCK_SIZE", 10)
    sample(make_bigram_model(LOGITS), "X", ["a"] * 50)

    assert len(prepared) == 1


@pytest.mark.parametrize("cut", [{"top_k": 3}, {"top_p": 0.5}])
def test_cutting_the_choice_of_a_greedy_model_is_wrong_usage(cut):
    with pytest.raises(UsageError, match="give a temperature"):
        sample(make_bigram_model(LOGITS), "X", temperature=0.0, **cut)


def test_scores_are_of_the_model_itself_however_much_guidance_names_are_drawn_with():
    model = make_model(training_config(hidden_size=4), categories=("X", "Y"), seed=3)
    plain, guided = (
        list(iterate(model, "X", count=400, seed=1, scores=True, temperature=1.0, guidance=guidance))
        for guidance in (0.0, 2.0)
    )
    known = {draw.name: draw.score for draw in plain}
    both = [draw for draw in guided if draw.name in known]

    assert [draw.name for draw in plain] != [draw.name for draw in guided]
    assert both
    assert all(draw.score == pytest.approx(known[draw.name], abs=1e-5) for draw in both)


def test_guidance_moves_a_category_of_names_away_from_the_others():
    model = make_model(training_config(hidden_size=4), categories=("X", "Y"))
    for name, weight in model.weights.items():
        weight[:] = 0
        if name == "category_output.weight":  # each letter is drawn by the category alone: a: 0.5, b: 0.25, the end
            weight[:] = np.log([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    names = "".join(sample(model, "X", count=20_000, seed=1, temperature=1.0, guidance=1.0))
    # Twice the distance from the mean in the logits: a to b are as 2 ** 2 to 1.
    share, expected = names.count("a") / len(names), 4 / 5

    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / len(names))


def test_greedy_takes_the_place_of_the_models_own_cuts():
    model = make_model(training_config(hidden_size=4), sampling=SamplingConfig(temperature=0.8, top_p=0.9))

    assert len(set(sample(model, count=20, temperature=0.0))) == 1
    with pytest.raises(UsageError, match="greedy makes none"):
        sample(model, temperature=0.0, top_p=0.5)
