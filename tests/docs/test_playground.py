"""The playground in headless Chromium: its own arithmetic against namegen's, and whether people can use it."""

from __future__ import annotations

import base64
import codecs
import dataclasses
import itertools
import json
import random
import re
import runpy
import shlex
import shutil
import threading
from urllib.parse import unquote

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
from support import REPOSITORY, make_model

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.slow

SECONDS = 30
LETTERS = ("и́", "и", "И", "Ива", "김", "ngữ", "a", "b", " ", "-")
DTYPES = {
    "gru": {},
    "gru without SOS": {"sos": False},
    "tutorial": {"recipe_name": "tutorial"},
    "rnn with tanh": {"architecture": "rnn"},
}


class Page:
    """The page after a user has opened it."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        self.open()

    def open(self, query=""):
        self.look(1000)
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.browser.get(self.address + query)
        self.wait(lambda: self["state"].text.startswith("Model loaded") or self["problem"].text)
        if re.search(r"\bseed=\d", query):
            self.wait(lambda: self.names() or self["problem"].text)

    def __getitem__(self, name):
        return self.browser.find_element(By.ID, name)

    def wait(self, until):
        return WebDriverWait(self.browser, SECONDS, poll_frequency=0.02).until(lambda _: until())

    def run(self, code, *arguments):
        """Run the body of an async function in the page, in which its modules can be imported."""
        done = self.browser.execute_async_script(
            f"""
            const given = [...arguments], done = given.pop();
            const body = async () => {{ {code} }};
            body().then((value) => done({{ value }}), (error) => done({{ error: `${{error.stack ?? error}}` }}));
            """,
            *arguments,
        )
        assert "error" not in done, done["error"]
        return done.get("value")

    def open_model(self, file):
        """Open a model file as people do; returns what the page says then."""
        before = self["state"].text, self["problem"].text
        if self.browser.find_element(By.TAG_NAME, "details").get_attribute("open") is None:
            self.browser.find_element(By.TAG_NAME, "summary").click()
        self["file"].send_keys(str(file))
        self.wait(lambda: (self["state"].text, self["problem"].text) != before)
        return self["problem"].text or self["state"].text

    def fill(self, name, text):
        self[name].clear()
        self[name].send_keys(text)

    def invent(self):
        """Press the button; returns the names."""
        self.run("document.getElementById('results').replaceChildren();")
        self["invent"].click()
        self.wait(lambda: self["results"].text or self["problem"].text)
        assert self["problem"].text == ""
        return self.names()

    def names(self):
        return [item.text.splitlines()[0] for item in self.browser.find_elements(By.CSS_SELECTOR, "#results li")]

    def command(self):
        """Return the command that the page shows for the same names, as a shell splits it."""
        return shlex.split(self.browser.find_element(By.CSS_SELECTOR, "#results code").text)

    def look(self, width, height=800, **media):
        """Look at the page in a window of this size, by default without motion: what moves cannot be clicked."""
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        media = {"prefers_reduced_motion": "reduce", **media}
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture
def page(browser, address):
    page = Page(browser, address)
    yield page
    logged = [entry["message"] for entry in browser.get_log("browser")]
    assert logged == [], logged


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
    """Press the button, and type what the page says to type: the names are the same."""
    names, (program, *arguments) = page.invent(), page.command()
    assert program == "namegen"
    typed = cli(*arguments)
    assert (typed.code, typed.err) == (0, "")
    assert names == typed.out.splitlines()
    return names


@pytest.mark.parametrize(
    "query",
    [
        "?category=German&letters=ABC&seed=7&count=20",
        "?category=Irish&seed=8&count=60&temperature=1.4",
        "?category=Polish&letters=Łu&whole=yes&seed=9&count=30",
        "?letters=aÆ&seed=10&count=20",
        "?seed=11&count=60",
        "?category=Greek&letters=XYZ&temperature=0&seed=12&count=4",
        "?category=Vietnamese&letters=-'&seed=13",
        "?category=Dutch&letters=van%20&whole=yes&temperature=0.5&seed=999999999999999",
    ],
)
def test_the_same_seed_gives_the_names_of_the_command_that_it_shows(page, cli, query):
    page.open(query)
    asked = dict(part.split("=") for part in query[1:].split("&"))
    beginnings = 1 if "whole" in asked else len(unquote(asked.get("letters", "x")))
    each = 1 if asked.get("temperature") == "0" else int(asked.get("count", 5))  # greedy names are all alike
    assert len(assert_as_typed(page, cli)) == each * beginnings
    assert page.command()[-1] == asked["seed"]


@pytest.mark.parametrize("kind", DTYPES)
def test_models_of_ones_own_of_every_kind_are_opened_and_drawn_from(page, cli, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny(kind).save(tmp_path / "it's mine.safetensors")
    assert page.open_model(tmp_path / "it's mine.safetensors") == "Model loaded: it's mine.safetensors (2 categories)."
    page.fill("seed", "3")
    for category, letters in (("Y", "ab"), ("any", ""), ("X", "")):
        Select(page["category"]).select_by_visible_text(category)
        page.fill("letters", letters)
        assert_as_typed(page, cli)


def test_letters_of_several_code_points_are_one_letter(page, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begins = np.ones((1, len(LETTERS)), np.int64)
    model = tiny("gru", letters="0123456789", categories=("-- odd's+name",), first_letters=begins, casing="none")
    model = dataclasses.replace(model, alphabet=Alphabet(LETTERS))
    model.save(tmp_path / "m.safetensors")
    assert page.open_model(tmp_path / "m.safetensors") == "Model loaded: m.safetensors (-- odd's+name)."
    page.fill("seed", "6")
    page.fill("letters", "ngữи\u0301Ива")
    page.browser.find_element(By.NAME, "whole").click()
    assert all(name.startswith("ngữи\u0301Ива") for name in assert_as_typed(page, cli))
    page.browser.find_element(By.NAME, "whole").click()
    names = page.invent()
    assert [name.startswith(letter) for name, letter in zip(names, ["ngữ"] * 5 + ["и́"] * 5 + ["Ива"] * 5, strict=True)]
    assert all(names)


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
def test_a_file_that_is_no_model_is_said_in_a_line_and_the_model_before_stays(page, tmp_path, content, message):
    (tmp_path / "x.safetensors").write_bytes(content)
    assert message in page.open_model(tmp_path / "x.safetensors")
    assert page["state"].text == "Model loaded: pretrained (18 categories)."
    assert len(page.invent()) == 5  # and the message has gone


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("elves.txt", "namegen train --data=elves.txt -o mine.safetensors"),
        ("My elves.CSV", "namegen train '--data=My elves.CSV' -o mine.safetensors"),
    ],
)
def test_whoever_opens_a_list_of_names_hears_how_to_make_a_model_of_it(page, tmp_path, name, typed):
    (tmp_path / name).write_text("Aelar\nBelen\n", encoding="utf-8")
    said = page.open_model(tmp_path / name)
    assert said == f"{name} is a list of names, not a model. Train a model on it: {typed}"
    assert len(page.invent()) == 5


def test_a_model_of_a_newer_format_says_so(page, tmp_path):
    tiny("gru").save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes().replace(rb"\"format\": 2", rb"\"format\": 7")
    (tmp_path / "m.safetensors").write_bytes(content)
    assert (
        page.open_model(tmp_path / "m.safetensors")
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
    said = "The model has a section “stress” that this page does not know. Use a newer version of this page."
    assert page.open_model(tmp_path / "m.safetensors") == (
        said if required else "Model loaded: m.safetensors (2 categories)."
    )


def test_a_model_that_never_ends_a_name_says_so(page, tmp_path):
    model = tiny("gru")
    model.weights["head.bias"][-1] = -1e4
    model.save(tmp_path / "m.safetensors")
    page.open_model(tmp_path / "m.safetensors")
    page["invent"].click()
    page.wait(lambda: page["problem"].text)
    assert "almost never gives an acceptable name" in page["problem"].text


def test_without_the_model_beside_it_the_page_says_what_to_do(browser, address, tmp_path):
    shutil.copytree(REPOSITORY / "docs" / "playground", tmp_path / "playground")
    served = runpy.run_path(str(REPOSITORY / "scripts" / "docs" / "serve_playground.py"))
    served["Handler"].log_message = lambda *_: None
    served["Handler"].send_head.__globals__["DATA"] = tmp_path
    shutil.copy(OFFENSIVE_FILE, tmp_path)
    with served["server"]() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = Page(browser, f"http://127.0.0.1:{server.server_port}/")
        try:
            assert "Cannot load pretrained.safetensors.gz: the server answered 404" in page["problem"].text
            tiny("gru").save(tmp_path / "m.safetensors")
            assert page.open_model(tmp_path / "m.safetensors") or page.wait(lambda: page["state"].text)
            page.wait(lambda: page["state"].text)
            assert page.invent()
        finally:
            server.shutdown()
            thread.join()
            browser.get_log("browser")


# For everyone


def test_names_are_invented_with_the_keyboard_alone(page, cli):
    def press(*keys):
        for key in keys:
            webdriver.ActionChains(page.browser).send_keys(key).perform()

    def focused():
        return page.browser.switch_to.active_element

    press(Keys.TAB, "Ger")
    assert focused().get_attribute("name") == "category"
    press(Keys.TAB, "sch", Keys.TAB, Keys.SPACE)
    assert focused().is_selected()
    press(Keys.TAB, Keys.ARROW_UP, Keys.TAB, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page["temperature-shown"].text == "0.90"
    press(Keys.TAB, Keys.ENTER, Keys.TAB, "42", Keys.TAB)
    assert focused() == page["file"]
    press(Keys.TAB)
    assert focused() == page["invent"]
    press(Keys.SPACE)
    page.wait(page.names)
    assert page.command() == shlex.split(
        "namegen sample German --prefix=Sch -n 6 --temperature 0.9 --model pretrained --seed 42"
    )
    assert page.names() == cli(*page.command()[1:]).out.splitlines()


def test_every_control_has_a_role_and_a_name_of_its_own(page):
    page.browser.find_element(By.TAG_NAME, "summary").click()
    found = {
        control.accessible_name.strip(): control.aria_role
        for control in page.browser.find_elements(By.CSS_SELECTOR, "input, select, button")
    }
    assert found == {
        "Category": "combobox",
        "Start letters": "textbox",
        "Use as one prefix: Sch": "checkbox",
        "Names for each letter": "spinbutton",
        "Temperature": "slider",
        "Seed": "textbox",
        "Your own model": "button",
        "Invent names": "button",
    }


def test_a_seed_that_is_none_is_shown_where_it_stands(page):
    page.open("?seed=xyz")
    page.wait(page["seed"].is_displayed)
    page.browser.find_element(By.TAG_NAME, "summary").click()
    assert not page["seed"].is_displayed()
    page["invent"].click()
    page.wait(page["seed"].is_displayed)
    assert page.browser.switch_to.active_element == page["seed"]
    assert page.names() == []


def test_what_changes_is_announced(page):
    roles = {name: page[name].aria_role for name in ("problem", "state")}
    assert roles == {"problem": "alert", "state": "status"}
    assert page["results"].get_attribute("aria-live") == "polite"
    page.fill("letters", "☃")
    page["invent"].click()
    page.wait(lambda: page["problem"].text)
    assert page["problem"].text.startswith("No name can begin with “☃”: the model’s letters are a–z, A–Z")
    assert page["letters"].get_attribute("aria-invalid") == "true"
    assert page.browser.switch_to.active_element == page["letters"]
    assert "problem" in page["letters"].get_attribute("aria-describedby").split()
    page.fill("letters", "ab")
    page.invent()
    assert page["letters"].get_attribute("aria-invalid") is None
    assert page["results"].get_attribute("aria-busy") is None


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_screen(page, width, tmp_path):
    long = make_model(letters="W", categories=("Donaudampfschifffahrtsgesellschaftskapitän" * 3,))
    long.weights["head.bias"][:] = 8, 0
    long = dataclasses.replace(long, sampling=SamplingConfig(temperature=0.0), longest=200)
    page.look(width)
    for again in (False, True):
        page.invent()
        content, room = page.run(
            "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth];"
        )
        assert content <= room <= width
        if not again:
            long.save(tmp_path / f"{'a' * 80}.safetensors")
            page.open_model(tmp_path / f"{'a' * 80}.safetensors")
            page.fill("letters", "W" * 90)
            page.browser.find_element(By.NAME, "whole").click()
    assert page.names() == ["W" * 110]


def test_targets_for_fingers_are_large_enough_and_do_not_make_a_phone_zoom(page):
    page.look(360)
    for control in page.browser.find_elements(
        By.CSS_SELECTOR, "select, button, #letters, #count, #temperature, summary"
    ):
        assert control.size["height"] >= 24, control.get_attribute("id")
        assert float(control.value_of_css_property("font-size")[:-2]) >= 13
    for control in ("category", "letters", "count"):
        assert float(page[control].value_of_css_property("font-size")[:-2]) >= 16  # below, phones zoom in


CONTRASTS = """
    const luminance = (colour) => {
      const [r, g, b] = colour.match(/[\\d.]+/g).map(Number)
        .map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      const colour = getComputedStyle(element).backgroundColor;
      return /, 0\\)$/.test(colour) ? ground(element.parentElement) : colour;
    };
    const contrast = (one, other) => {
      const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    document.getElementById("problem").textContent = "Something.";
    document.querySelector("details").open = true;
    const all = (which) => [...document.querySelectorAll(which)].filter((element) => element.checkVisibility());
    const says = ({ childNodes }) => [...childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim());
    const begin = (element) => element.outerHTML.slice(0, 60);
    const shows = (element) => says(element) || element.matches("select, [type=text], [type=number]");
    const text = all("body *").filter(shows)
      .map((element) => [begin(element), contrast(getComputedStyle(element).color, ground(element))]);
    const edges = all("select, input[type=text], input[type=number]").map((element) =>
      [begin(element), contrast(getComputedStyle(element).borderTopColor, ground(element.parentElement))]);
    return { text, edges };
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_colour_schemes(page, scheme):
    page.look(800, prefers_color_scheme=scheme)
    page.invent()
    found = page.run(CONTRASTS)
    assert len(found["text"]) > 20
    assert [entry for entry in found["text"] if entry[1] < 4.5] == []
    assert [entry for entry in found["edges"] if entry[1] < 3] == []
    ground = page.browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 380) == (scheme == "light")


def test_the_focus_is_seen(page):
    webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
    category = page["category"]
    assert page.browser.switch_to.active_element == category
    assert (category.value_of_css_property("outline-style"), category.value_of_css_property("outline-width")) == (
        "solid",
        "3px",
    )


def test_nothing_moves_for_those_who_want_no_motion(page):
    moves = "return getComputedStyle(document.querySelector('#results li')).animationName;"
    page.invent()
    page.look(800, prefers_reduced_motion="no-preference")
    assert page.run(moves) == "appear"
    page.look(800)
    assert page.run(moves) == "none"
    assert page.run("return getComputedStyle(document.documentElement).scrollBehavior;") == "auto"


def test_the_page_loads_nothing_from_elsewhere(page, address):
    loaded = page.run("return performance.getEntriesByType('resource').map(({ name }) => name);")
    assert len(loaded) >= 10
    assert all(name.startswith(address) for name in loaded)
    for file in (REPOSITORY / "docs" / "playground").iterdir():
        assert not re.search(r"(src|href|import|from|url\()\W*(https?:)?//", file.read_text(encoding="utf-8")), file


def test_a_category_and_a_card_of_a_stranger_are_text_and_no_markup(page, tmp_path):
    tiny("gru", categories=("<img src=x onerror=alert(1)>", "Y")).save(tmp_path / "m.safetensors")
    page.open_model(tmp_path / "m.safetensors")
    page.fill("count", "20")
    page.invent()
    assert page.browser.find_elements(By.TAG_NAME, "img") == []
    assert "<img src=x onerror=alert(1)>" in page["results"].text
