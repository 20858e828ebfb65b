"""The playground in headless Chromium: its own arithmetic against namegen's, and whether people can use it."""

from __future__ import annotations

import base64
import codecs
import dataclasses
import itertools
import json
import random
import re
import shutil

import numpy as np
import pytest

from namegen import load_model
from namegen.config import SamplingConfig
from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import UsageError
from namegen.models.closed import ClosedNames
from namegen.models.inference import apply_guidance, build_steppers
from namegen.models.mixture import Mixture, Weights
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.paths import PRETRAINED_FILE
from namegen.recipes import training_config
from namegen.sampling.decoding import greedy_probabilities, probabilities
from namegen.sampling.generate import sample
from namegen.sampling.offensive import OFFENSIVE_FILE, find_offensive
from namegen.sampling.prefixes import fit_prefix
from namegen.training.train import train
from playground import Page, serve
from support import REPOSITORY, make_model

pytest.importorskip("selenium", reason="selenium is not installed")


pytestmark = pytest.mark.slow

LETTERS = ("и́", "и", "И", "Ива", "김", "ngữ", "a", "b", " ", "-")
DTYPES = {
    "gru": {},
    "gru without SOS": {"sos": False},
    "tutorial": {"recipe_name": "tutorial"},
    "rnn with tanh": {"architecture": "rnn"},
}


@pytest.fixture(scope="module")
def pretrained():
    return load_model("pretrained")


def tiny(kind, **options):
    """A model of random weights whose names end soon."""
    training = training_config(hidden_size=6, iterations=1, **DTYPES[kind])
    sampling = SamplingConfig(temperature=0.0, dropout=0.1) if kind == "tutorial" else None
    begins = np.random.default_rng(1).integers(1, 9, (2, 53))
    options = {"letters": "".join(ASCII.letters[:53]), "categories": ("X", "Y"), "first_letters": begins, **options}
    model = make_model(training, sampling=sampling, **options)
    weights = {name: weight / 4 for name, weight in model.weights.items()}
    weights["o2o.bias" if "o2o.bias" in weights else "head.bias"][-1] += 2
    return dataclasses.replace(model, weights=weights)


# The same as namegen


def test_the_greedy_names_are_those_of_namegen(page, pretrained):
    prefixes = ["", *"AEKOSZ", "Sch", "O'", "Mac", "van "]
    prefixes = [fit_prefix(pretrained, prefix) for prefix in prefixes]
    greedy = page.run(
        """
        const [prefixes] = given;
        const { loadFile } = await import("./files.js");
        const { readModel } = await import("./model.js");
        const { atTemperature, sampleNames } = await import("./sampling.js");
        const model = readModel(await loadFile("pretrained.safetensors.gz"));
        const sampling = atTemperature(model.sampling, 0);
        return model.categories.map((_, category) =>
          [...sampleNames(model, { category, prefixes, count: 1, sampling, seed: 1 })].map(({ name }) => name));
        """,
        prefixes,
    )
    assert greedy == [sample(pretrained, category, prefixes, temperature=0.0) for category in pretrained.categories]


PROBABILITIES = """
    const [bytes, cases] = given;
    const { readModel } = await import("./model.js");
    const { networkOf, guidedShares } = await import("./network.js");
    const { probabilities, greedyProbabilities } = await import("./sampling.js");
    const model = readModel(Uint8Array.from(atob(bytes), (each) => each.charCodeAt()).buffer);
    return cases.map(({ category, letters, guidance, temperature, topK, topP, dropout }) => {
      const shares = model.categories.map((_, index) => Number(index === category));
      const network = networkOf(model, guidedShares(shares, guidance));
      let hidden = network.start(), logits;
      for (const letter of letters) ({ logits, hidden } = network.step(letter, hidden));
      const likely = temperature
        ? probabilities(logits, { temperature, topK, topP })
        : greedyProbabilities(logits, dropout);
      const total = likely.reduce((sum, each) => sum + each, 0);
      return [...likely].map((each) => each / total);
    });
"""


def assert_same_probabilities(page, model, file, prefixes, settings, categories=(0, 1)):
    """Compare what both say of the letter after each prefix, in each category and each way to choose."""
    cases = [
        {"category": category, "letters": [*([model.alphabet.boundary_id] * model.training.sos), *letters], **setting}
        for category in categories
        for letters in prefixes
        for setting in settings
        if model.training.sos or letters
    ]
    ours = page.run(PROBABILITIES, base64.b64encode(file.read_bytes()).decode(), cases)
    network = build_steppers(model)
    for case, likely in zip(cases, ours, strict=True):
        step = network(apply_guidance(case["category"], len(model.categories), case["guidance"]))
        hidden = step.start()
        for letter in case["letters"]:
            logits, hidden = step.step(np.array([letter]), hidden)
        if case["temperature"]:
            config = SamplingConfig(temperature=case["temperature"], top_k=case["topK"], top_p=case["topP"])
            expected = probabilities(logits, config)
        else:
            expected = greedy_probabilities(logits, case["dropout"])
        np.testing.assert_allclose(likely, expected[0] / expected.sum(), atol=1e-4)


def way(temperature=1.0, *, guidance=0.0, top_k=None, top_p=None, dropout=0.0):
    """A way to choose letters, in the page's words."""
    return {"temperature": temperature, "guidance": guidance, "topK": top_k, "topP": top_p, "dropout": dropout}


def test_probabilities_of_the_pretrained_model_are_those_of_namegen(page, pretrained):
    own = pretrained.sampling
    ways = [way(), way(own.temperature, guidance=own.guidance, top_p=own.top_p), way(0.6, guidance=1.0, top_k=5)]
    prefixes = [pretrained.alphabet.encode(prefix).tolist() for prefix in ("", "Sch", "O'Ne", "van der ")]
    assert_same_probabilities(page, pretrained, PRETRAINED_FILE, prefixes, ways, categories=(0, 3, 7, 12, 17))


@pytest.mark.parametrize(("kind", "half"), [(kind, half) for kind in DTYPES for half in (False, True)])
def test_probabilities_of_every_network_are_those_of_namegen(page, kind, half, tmp_path):
    tiny(kind).save(tmp_path / "m.safetensors", half=half)
    ways = [way(guidance=0.4), way(1.3, top_k=7, top_p=0.8), way(0.0, dropout=0.3), way(0.0, dropout=0.0)]
    model = load_model(tmp_path / "m.safetensors")
    assert_same_probabilities(page, model, tmp_path / "m.safetensors", [[], [0], [5, 52, 3, 3]], ways)


def assert_as_typed(page, cli):
    """Type what the page says to type: the names are the same."""
    names, (program, *arguments) = page.names(), page.command()
    assert program == "namegen"
    typed = cli(*arguments)
    assert (typed.code, names) == (0, typed.out.splitlines())
    assert typed.err.count("\n") == len(page["notes"].find_elements("tag name", "li"))
    return names


@pytest.mark.parametrize(
    "settings",
    [
        "cultures=German&start=A,B,C&seed=7",
        "cultures=Irish&seed=8&style=wild",
        "cultures=German:7%2BItalian:3&start=Sch&seed=9&end=er",
        "cultures=Polish&start=Łu&seed=9",
        "cultures=&start=a,Æ&seed=10",
        "cultures=&seed=11",
        "cultures=Greek&style=typical&shortest=7&longest=9&seed=12",
        "cultures=Vietnamese&start='&seed=13",
        "cultures=Dutch&start=van d&novel=yes&style=usual&seed=9007199254740991",
        "cultures=Elven&kind=female&end=ë&seed=14",
        "cultures=Elven:4%2BIrish:6&kind=surname&style=bold&seed=15",
        "cultures=Russian&kind=surname-female&seed=16",
        "cultures=Chinese&kind=male&seed=17",
        "cultures=English&kind=place&seed=18",
        "cultures=Spanish&kind=full&start=A,M&seed=19",
        "cultures=German:1%2BTurkish:3&kind=full-female&seed=20",
        "cultures=&kind=full-male&novel=yes&seed=21",
    ],
)
def test_an_address_gives_the_names_of_the_command_that_it_shows(page, cli, settings):
    page.open(settings)
    assert page["problem"].text == ""
    names = assert_as_typed(page, cli)
    assert 20 <= len(names) <= 21
    assert len({*names}) == len(names)
    assert page.command()[-1] == settings.rpartition("seed=")[2].partition("&")[0]
    page.open(page.settings())
    assert page.names() == names


@pytest.mark.parametrize("kind", DTYPES)
def test_your_own_models_of_every_kind_are_opened_and_sampled(page, cli, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(kind).save(tmp_path / "it's mine.safetensors")
    page.number_seeds()
    page.open_file(tmp_path / "it's mine.safetensors")
    assert_as_typed(page, cli)
    for culture in ("Y", "X"):
        page.choose("culture", culture)
        page.fill("start", "a,b")
        page.generate()
        assert_as_typed(page, cli)


def test_letters_of_several_code_points_are_one_letter(page, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begins = np.ones((1, len(LETTERS)), np.int64)
    model = tiny("gru", letters="0123456789", categories=("-- odd's+name",), first_letters=begins, casing="none")
    model = dataclasses.replace(model, alphabet=Alphabet(LETTERS))
    model.save(tmp_path / "m.safetensors")
    page.number_seeds()
    page.open_file(tmp_path / "m.safetensors")
    page.fill("start", "ngữи\u0301Ива")
    page.generate()
    assert all(name.startswith("ngữи\u0301Ива") for name in assert_as_typed(page, cli))
    page.fill("start", "ngữ, и\u0301, Ива")
    names = page.generate()
    starts = ["ngữ"] * 7 + ["и\u0301"] * 7 + ["Ива"] * 7
    assert [name.startswith(start) for name, start in zip(names, starts, strict=True)] == [True] * 21


NAMES = """
    const [bytes, wanted, changes] = given;
    const { readModel } = await import("./model.js");
    const { blendOf, sampleNames } = await import("./sampling.js");
    const { offensiveFilter } = await import("./offensive.js");
    const isOffensive = offensiveFilter(await (await fetch("offensive.txt")).text());
    const model = readModel(Uint8Array.from(atob(bytes), (each) => each.charCodeAt()).buffer);
    const sampling = { ...model.sampling, ...changes };
    return wanted.map(({ parts, ...rest }) => {
      const category = parts.length > 1 ? blendOf(model, parts) : model.categories.indexOf(parts[0][0]);
      return [...sampleNames(model, { ...rest, category, sampling, isOffensive })].map(({ name }) => name);
    });
"""


def assert_same_names(page, file, categories, *, seeds=20, count=3, prefixes=("", "S"), **changes):
    """Compare the names that both sample of categories and blends, with changes of the model's sampling settings."""
    model = load_model(file)
    wanted = [
        {"parts": parts, "prefixes": prefixes, "count": count, "seed": seed}
        for parts in categories
        for seed in range(seeds)
    ]
    labels = [
        "+".join(f"{name}:{weight}" for name, weight in each["parts"])
        if len(each["parts"]) > 1
        else each["parts"][0][0]
        for each in wanted
    ]
    expected = [
        sample(model, label, prefixes, count=count, seed=each["seed"], **changes)
        for label, each in zip(labels, wanted, strict=True)
    ]
    assert page.run(NAMES, base64.b64encode(file.read_bytes()).decode(), wanted, changes) == expected
    return list(itertools.chain(*expected))


def test_categories_and_blends_of_the_pretrained_model_give_the_names_of_namegen(page):
    blend = [["German", 2], ["Italian", 0.5], ["Polish", 1]]
    names = assert_same_names(page, PRETRAINED_FILE, [[["German", 1]], [["Irish", 1]], [["Vietnamese", 1]], blend])
    assert len(names) == 4 * 20 * 6


def with_ngram(model, share, pooled=0.0):
    """Return a model with an n-gram of made-up names and a plausibility floor."""
    rng = random.Random(1)
    names = {
        category: ["".join(rng.choices(letters, k=rng.randint(2, 7))) for _ in range(300)]
        for category, letters in zip(model.categories, ("aaabbcdeS", "eeaxyzSS' "), strict=True)
    }
    dataset = Dataset.from_names(names, alphabet=model.alphabet)
    mixture = Mixture(NGram.fit(dataset, 4), Weights(share, 2, pooled, 0.4), {1: Weights(share, 1, 0.1, 0.6)})
    return dataclasses.replace(model, mixture=mixture, plausibility=Plausibility.fit(dataset, 4))


@pytest.mark.parametrize("share", [0.7, None])
@pytest.mark.parametrize("kind", ["gru", "gru without SOS", "rnn with tanh"])
def test_models_that_mix_a_network_and_an_ngram_give_the_names_of_namegen(page, kind, share, tmp_path):
    sampling = SamplingConfig(temperature=0.9, guidance=0.3, ngram_share=share, floor=0.3)
    model = dataclasses.replace(with_ngram(tiny(kind), 0.2, pooled=0.25), sampling=sampling)
    model.save(tmp_path / "m.safetensors")
    assert_same_names(page, tmp_path / "m.safetensors", [[["X", 1]], [["Y", 1]], [["X", 3], ["Y", 1]]], seeds=5)


def test_a_floor_that_no_name_reaches_is_given_up_at_the_same_attempt(page, tmp_path):
    model = with_ngram(tiny("gru"), 0.2)
    limits = np.full_like(model.plausibility.limits, -0.01)
    model = dataclasses.replace(
        model, plausibility=Plausibility(limits), sampling=SamplingConfig(temperature=1.0, floor=0.5)
    )
    model.save(tmp_path / "m.safetensors")
    names = assert_same_names(page, tmp_path / "m.safetensors", [[["X", 1]]], seeds=2, count=2)
    assert len(names) == 8


def test_models_without_a_network_give_the_names_of_namegen(page, tmp_path):
    names = {"X": ["Anna", "Anne", "Hanna", "Susanne", "Sanna"], "Y": ["Sven", "Svend", "Ned", "Sten"]}
    train(Dataset.from_names(names), training_config("instant")).save(tmp_path / "m.safetensors")
    assert_same_names(page, tmp_path / "m.safetensors", [[["X", 1]], [["X", 1], ["Y", 2]]], seeds=5)


def test_the_names_that_are_offensive_are_those_of_namegen(page):
    lines = OFFENSIVE_FILE.read_text("ascii").split()
    parts = [codecs.decode(line[1:], "rot13").replace("_", " ") for line in lines if line.startswith("*")]
    names = [
        made for part in parts for made in (part.strip().title(), f"X{part}é".strip(), f"Ü-{part.strip().upper()}")
    ]
    names += ["".join(letters) for letters in itertools.product("fkpcsnd", "aiouü", "gckpts", "kostaé")]
    offensive = page.run(
        """
        const { offensiveFilter } = await import("./offensive.js");
        return given[0].map(offensiveFilter(await (await fetch("offensive.txt")).text()));
        """,
        names,
    )
    assert offensive == find_offensive("".join(f"{name}\n" for name in names)).tolist()
    assert 100 < sum(offensive) < len(names) / 2


PREFIXES = [
    "", "a", "A", "sch", "SCH", "ScH", "Łu", "łódź", "Æ", "ÆØ", "æsir", "Ğül", "ÉMILE", "mcDuff", "O’Neill", "ß",
    "Straße", "van ", " van", "van  der", "Þórr", "Đặng", "Ñ", "İz", "ı", "Œuvre", "e\u0301", "D’", "jean–luc",
    "x\u00a0y", "Ŋ",
]  # fmt: skip
UNUSABLE = ["+", "1", " ", "\u0301", "😀", "a😀", "\t"]


def test_prefixes_are_brought_into_the_alphabet_and_the_case_as_namegen_does_it(page, pretrained):
    fit = """
        const [letters, casing, prefixes] = given;
        const { Alphabet } = await import("./alphabet.js");
        const alphabet = new Alphabet(letters);
        return prefixes.map((prefix) => {
          try { return alphabet.fit(prefix, casing); } catch (error) { return { refused: error.message }; }
        });
    """
    for casing in ("capitalised", "lower", "upper", "none"):
        model = dataclasses.replace(pretrained, casing=casing)
        fitted = page.run(fit, list(ASCII.letters), casing, PREFIXES)
        assert fitted == [fit_prefix(model, prefix) for prefix in PREFIXES]
    cyrillic = Alphabet(("Ж", "а\u0301", "т", "z"))
    in_one_case = ["ж", "А\u0301т", "Т", "Z", "ż"]
    assert page.run(fit, list(cyrillic.letters), "none", in_one_case) == [
        fit_prefix(dataclasses.replace(pretrained, casing="none", alphabet=cyrillic), prefix) for prefix in in_one_case
    ]
    for prefix, refused in zip(UNUSABLE, page.run(fit, list(ASCII.letters), "none", UNUSABLE), strict=True):
        assert str(ASCII) in refused["refused"]
        with pytest.raises(UsageError):
            fit_prefix(pretrained, prefix)


def test_the_example_of_the_page_draws_names(page, pretrained):
    text = (REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```javascript\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (code,) = (code for code in examples if "Client" in code)
    code = re.sub(r'^import (.*) from (".*");$', r"const \1 = await import(\2);", code, flags=re.MULTILINE)
    assert page.run(f"{code} return names;") == sample(pretrained, "German", "ABC", seed=1)


# Untrusted files


def spoilt(content, rng):
    """A model file with something changed in its header, its lengths or its bytes."""
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = rng.randrange(6)
    if kind == 0:
        return content[: rng.randrange(len(content))]
    if kind == 1:
        place = rng.randrange(min(len(content), 8 + length + 64))
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == 2:
        return rng.choice([0, 7, 2**40, 2**64 - 1]).to_bytes(8, "little") + content[8:]
    odd = rng.choice([None, -1, 1e300, "", [], {}, "F16", [0], [2**60, 2**60], True, "\u202e", [[]], ["a", "a"]])
    if kind == 3:
        tensor = header[rng.choice([name for name in header if name != "__metadata__"])]
        tensor[rng.choice(list(tensor))] = odd
    elif kind == 4:
        facts = json.loads(header["__metadata__"]["namegen"])
        sections = facts.get("sections") or {}
        part = rng.choice([facts, facts["training"], facts["sampling"], *filter(None, [sections, *sections.values()])])
        part[rng.choice(list(part))] = odd
        header["__metadata__"]["namegen"] = json.dumps(facts)
    else:
        del header[rng.choice(list(header))]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def with_parts(model):
    """Return a model with a mask of letters and a closed category."""
    mask = np.ones((len(model.categories), len(model.alphabet)), dtype=np.bool_)
    return dataclasses.replace(model, letters=mask, closed={"Z": ClosedNames(("Ann", "Bo"), np.ones(2, np.float32))})


def test_spoilt_files_are_one_line_or_a_model_that_works(page, tmp_path):
    models = []
    for kind in ("gru", "tutorial"):
        model = tiny(kind, categories=("X", "Y"))
        model = with_parts(with_ngram(model, 0.2)) if kind == "gru" else model
        model.save(tmp_path / "m.safetensors", half=kind == "gru")
        models.append((tmp_path / "m.safetensors").read_bytes())
    rng = random.Random(1)
    files = [spoilt(rng.choice(models), rng) for _ in range(400)]
    said = page.run(
        """
        const { NamegenError } = await import("./errors.js");
        const { readModel } = await import("./model.js");
        const { sampleNames } = await import("./sampling.js");
        return given[0].map((bytes) => {
          try {
            const model = readModel(Uint8Array.from(atob(bytes), (each) => each.charCodeAt()).buffer);
            const closed = [...model.closed.keys()].map((label) => ({ label, isClosed: true }));
            for (const category of [0, ...closed]) {
              [...sampleNames(model, { category, prefixes: [""], count: 2, sampling: model.sampling, seed: 1 })];
            }
            return "works";
          } catch (error) {
            return error instanceof NamegenError ? error.message : `BUG ${error.stack}`;
          }
        });
        """,
        [base64.b64encode(file).decode() for file in files],
    )
    assert [message for message in said if message.startswith("BUG")] == []
    assert [message for message in said if not message.isprintable() or len(message) > 401] == []
    assert 20 < said.count("works") < 200
    assert len(set(said)) > 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is not a model, or it is damaged: it is truncated. Use another copy."),
        (b"PK\3\4" + b"x" * 100, "its header is longer than the file"),
        ((2).to_bytes(8, "little") + b"{}", "The file is a safetensors file, but not a namegen model."),
        ((2).to_bytes(8, "little") + b"[]", "its header is not a JSON object"),
    ],
)
def test_a_file_that_is_not_a_model_is_refused_in_a_line_and_the_cultures_stay(page, tmp_path, content, message):
    (tmp_path / "x.safetensors").write_bytes(content)
    before = page.names()
    assert message in page.open_file(tmp_path / "x.safetensors")
    assert page.names() == before
    assert len(page.generate()) == 20  # and the message has gone


def test_a_model_of_a_newer_format_says_so(page, tmp_path):
    tiny("gru").save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes().replace(rb"\"format\": 2", rb"\"format\": 7")
    (tmp_path / "m.safetensors").write_bytes(content)
    assert (
        page.open_file(tmp_path / "m.safetensors")
        == "The model has format 7, but this page reads formats 1 and 2. Use a newer version of this page."
    )


@pytest.mark.parametrize("required", [True, False])
def test_a_section_that_is_unknown_is_refused_only_if_it_is_required(page, required, tmp_path):
    tiny("gru").save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["namegen"])
    facts["sections"] = {"stress": {"required": required}}
    header["__metadata__"]["namegen"] = json.dumps(facts)
    text = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    refused = "The model has a section “stress” that this page does not know. Use a newer version of this page."
    assert (page.open_file(tmp_path / "m.safetensors") == refused) == required


def test_a_model_that_never_ends_a_name_says_so(page, tmp_path):
    model = tiny("gru")
    model.weights["head.bias"][-1] = -1e4
    model.save(tmp_path / "m.safetensors")
    assert "almost never gives an acceptable name" in page.open_file(tmp_path / "m.safetensors")


def test_without_the_models_the_page_says_what_to_do(browser, tmp_path):
    shutil.copy(OFFENSIVE_FILE, tmp_path)
    with serve(data=tmp_path) as (address, _):
        page = Page(browser, address)
        assert page["problem"].text == (
            "Cannot load catalogue.json: the server answered 404. Put the file next to this page."
        )
    browser.get_log("browser")
