"""The playground's engine, in a worker of headless Chromium: the names of the command, filters, and cancellation."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest

from namegen import load_model, people, sample
from namegen.config import SamplingConfig
from namegen.datasets.readers import load_dataset
from namegen.models.categories import find_blend
from namegen.models.extension import find_names_alphabet
from namegen.models.inference import Source, apply_guidance, build_steppers
from namegen.models.letters import restrict
from namegen.sampling.decoding import probabilities
from namegen.sampling.like import like_model
from support import REPOSITORY

pytestmark = pytest.mark.slow

SECONDS = 300  # for many requests at once, on a busy machine
SEEDS = range(20)
MAX_FIRST_BYTES = 2_500_000
ELVES = (
    *("Galadwen", "Thalion", "Nimroth", "Elrohir", "Arwen", "Celeborn", "Finrod", "Lúthien", "Idril", "Turgon"),
    *("Fëanor", "Maedhros", "Caranthir", "Amras", "Fingolfin", "Aredhel", "Eärwen", "Olwë", "Thingol", "Melian"),
    "Galadwen",
)
RUSSIAN = (
    *("Иванов", "Петров", "Сидоров", "Кузнецов", "Смирнов", "Попов", "Васильев", "Михайлов", "Фёдоров", "Морозов"),
    *("Волков", "Алексеев", "Лебедев", "Семёнов", "Егоров", "Павлов", "Козлов", "Степанов", "Николаев", "Орлов"),
)
LISTS = {
    "elves": "\n".join(ELVES),
    "lower": "\r\n".join(name.lower() for name in ELVES),
    "bullets": "\ufeff# My list\n\n" + "\n".join(f"- {name}" for name in ELVES),
    "numbers": "\n".join(f"{number}. {name}" for number, name in enumerate(ELVES, 1)),
    "russian": "\n".join(RUSSIAN),
    "korean": "김민준\n이서연\n박지훈\n최수빈\n정하윤\n강도윤\n조은우\n윤서준\n장하은\n임지우\n",
    "marks": "  O’Neill \nD’Arcy\nJean–Luc\nSmith (Bob)\nŁukasz!\nÇelik\nØrsted\n",
    "one": "Bob",
}


class Engine:
    """The worker of a page that has nothing else."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.set_script_timeout(SECONDS)
        browser.get(address + "errors.js")  # a page of text, where modules can be imported
        self.run('const { Client } = await import("./client.js"); window.client = new Client();')

    def run(self, code, *arguments):
        """Run the body of an async function in the page."""
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

    def ask(self, method, requests):
        """Return the items of each request, or the error of the last one."""
        return self.run(
            """
            const [method, requests] = given;
            const answers = [];
            for (const request of requests) {
              const items = [];
              try {
                await client[method](request, { onItems: (some) => items.push(...some) });
                answers.push(items);
              } catch (error) {
                const { NamegenError } = await import("./errors.js");
                answers.push(error instanceof NamegenError ? error.message : `BUG ${error.stack}`);
              }
            }
            return answers;
            """,
            method,
            requests,
        )

    def names(self, *requests):
        """Return the names of each request, without notes."""
        answers = self.ask("names", requests)
        return [
            items if isinstance(items, str) else [item["name"] for item in items if "name" in item] for items in answers
        ]


@pytest.fixture(scope="module")
def engine(browser, address):
    return Engine(browser, address)


def printed(cli, *arguments):
    """Return the lines that a command prints."""
    outcome = cli(*arguments)
    assert outcome.code == 0, outcome.err
    return outcome.out.splitlines()


# The same names as the command


def test_pretrained_gives_the_names_of_the_command(engine, cli):
    requests = [{"category": "Irish", "letters": "ABC", "count": 2, "seed": seed} for seed in SEEDS]
    model = load_model("pretrained")
    expected = [sample(model, "Irish", "ABC", count=2, seed=seed) for seed in SEEDS]
    assert expected[1] == printed(cli, "sample", "Irish", "ABC", "-n", 2, "--seed", 1)
    assert engine.names(*requests) == expected


def test_people_are_those_of_the_command(engine, cli):
    requests = [{"cultures": None, "count": 6, "seed": seed} for seed in SEEDS]
    model = load_model("people")
    expected = [[person.name for person in people(count=6, seed=seed, model=model)] for seed in SEEDS]
    assert expected[1] == printed(cli, "people", "-n", 6, "--seed", 1)
    assert [[person["name"] for person in persons] for persons in engine.ask("people", requests)] == expected


def test_a_pasted_list_gives_the_names_of_the_command(engine, cli, tmp_path):
    (tmp_path / "elves.txt").write_text(LISTS["elves"], encoding="utf-8")
    pasted = {"text": LISTS["elves"], "label": "elves"}
    requests = [{"list": pasted, "count": 4, "seed": seed} for seed in SEEDS]
    model = like_model({"elves": ELVES}, model="pretrained")
    expected = [sample(model, "elves", count=4, seed=seed) for seed in SEEDS]
    options = ("-n", 4, "--seed", 1, "--model", "pretrained")
    assert expected[1] == printed(cli, "sample", "--like", tmp_path / "elves.txt", *options)
    assert engine.names(*requests) == expected


@pytest.mark.parametrize("label", [label for label in LISTS if label != "elves"])
def test_every_kind_of_plain_list_gives_the_names_of_namegen(engine, label, tmp_path):
    path = tmp_path / f"{label}.txt"
    path.write_bytes(LISTS[label].encode())
    pasted = {"text": LISTS[label], "label": label}
    dataset = load_dataset(str(path), alphabet=find_names_alphabet(load_model("pretrained")))
    model = like_model(dataset, model="pretrained")
    expected = [sample(model, label, count=4, seed=seed) for seed in range(3)]
    assert engine.names(*({"list": pasted, "count": 4, "seed": seed} for seed in range(3))) == [*expected]


def test_a_list_can_be_mixed_with_a_blend_of_categories(engine, cli, tmp_path):
    (tmp_path / "elves.txt").write_text(LISTS["elves"], encoding="utf-8")
    request = {
        "list": {"text": LISTS["elves"], "label": "elves"},
        "category": "german:2+Italian",
        "count": 8,
        "seed": 1,
    }
    options = ("--like", tmp_path / "elves.txt", "-n", 8, "--seed", 1, "--model", "pretrained", "--novel")
    expected = printed(cli, "sample", "German:2+Italian", *options)
    assert engine.names({**request, "filters": {"novel": True}}) == [expected]


@pytest.mark.parametrize(
    ("request_", "arguments"),
    [
        ({"filters": {"novel": True}}, ["--novel"]),
        ({"filters": {"minLength": 8}}, ["--min-length", 8]),
        ({"filters": {"ending": "er"}}, ["--match", ".*er"]),
        ({"sampling": {"maxLength": 5}}, ["--max-length", 5]),
        ({"sampling": {"temperature": 0.6, "floor": 0.2}}, ["--temperature", 0.6, "--floor", 0.2]),
        ({"sampling": {"topK": 4, "guidance": 1}}, ["--top-k", 4, "--guidance", 1]),
    ],
)
def test_filters_and_settings_are_those_of_the_command(engine, cli, request_, arguments):
    blend = "German:2+Italian:1"
    expected = printed(cli, "sample", blend, "-n", 10, "--seed", 3, "--model", "pretrained", *arguments)
    assert engine.names({"category": blend, "count": 10, "seed": 3, **request_}) == [expected]


@pytest.mark.parametrize(
    ("category", "letters"),
    [("Turkish/female", "ş"), ("Korean/surname", ""), ("Polish/male+Czech/male:2", "JK"), ("Akan/place", "")],
)
def test_categories_of_people_give_the_names_of_the_command(engine, cli, category, letters):
    expected = printed(cli, "sample", category, *([letters] * bool(letters)), "-n", 6, "--seed", 4, "-m", "people")
    request = {"model": "people", "category": category, "letters": letters, "count": 6, "seed": 4}
    assert engine.names(request) == [expected]


PEOPLE = {
    "two surnames": {"cultures": ["Spanish", "Portuguese:2"]},
    "patronymics": {"cultures": ["Russian", "Ukrainian", "Bulgarian"]},
    "family first": {"cultures": ["Korean", "Chinese", "Japanese", "Hungarian"]},
    "women": {"cultures": ["Czech"], "gender": "female"},
    "all invented": {"cultures": ["German"], "known": "none"},
    "any known": {"cultures": ["German"], "known": "allow"},
    "start letters": {"cultures": ["German"], "start": "ABÖ"},
    "start letters of all": {"start": "Ж"},
    "a surname": {"cultures": ["German"], "surname": "Müller"},
    "a given name": {"cultures": ["Korean"], "given": "민준", "unique": True},
    "a script with capitals that names do not have": {"cultures": ["Georgian"]},
}


@pytest.fixture(scope="module")
def people_model():
    return load_model("people")


@pytest.mark.parametrize("kind", PEOPLE)
def test_every_kind_of_people_is_that_of_namegen(engine, people_model, kind):
    wanted = {"cultures": None, "count": 16, "seed": 11, **PEOPLE[kind]}
    (persons,) = engine.ask("people", [wanted])
    expected = [person._asdict() for person in people(wanted.pop("cultures"), **wanted, model=people_model)]
    assert persons == expected


COMMANDS = [
    {"category": "German:2+Italian:1", "letters": "ABC", "count": 2, "seed": 5},
    {"category": None, "letters": "S", "count": 4, "seed": 5, "sampling": {"temperature": 0.7}},
    {
        "category": "Irish",
        "prefixes": ["O'", "Mc"],
        "seed": 6,
        "filters": {"ending": "n", "novel": True, "minLength": 6},
    },
    {"category": None, "list": {"text": LISTS["elves"], "label": "my elves"}, "count": 3, "seed": 7},
]


def test_the_command_that_the_page_shows_gives_the_same_names(engine, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my elves.txt").write_text(LISTS["elves"], encoding="utf-8")
    commands = engine.run(
        'const { namesCommand } = await import("./command.js"); return given[0].map(namesCommand);', COMMANDS
    )
    expected = [printed(cli, *shlex.split(command)[1:]) for command in commands]
    assert engine.names(*COMMANDS) == expected


def test_the_command_that_the_page_shows_gives_the_same_people(engine, cli):
    request = {
        "cultures": ["German:2", "Polish"],
        "gender": "female",
        "start": "AB",
        "unique": True,
        "count": 5,
        "seed": 8,
    }
    command = engine.run('return (await import("./command.js")).peopleCommand(given[0]);', request)
    (persons,) = engine.ask("people", [request])
    assert [person["name"] for person in persons] == printed(cli, *shlex.split(command)[1:])


# Looking inside


@pytest.mark.parametrize("category", ["German", "German:2+Polish"])
def test_the_letters_probabilities_are_those_of_namegen(engine, category):
    model = load_model("pretrained")
    steps = engine.run("return client.explain(given[0]);", {"category": category, "name": "Schulz"})
    blend = find_blend(model, category).category
    network = build_steppers(model)(apply_guidance(blend, len(model.categories), model.sampling.guidance))
    assert_same_steps(steps, model, network, "Schulz", model.sampling)


def test_the_probabilities_of_a_list_are_those_of_namegen(engine):
    model = like_model({"elves": ELVES}, model="pretrained")
    request = {"list": {"text": LISTS["elves"], "label": "elves"}, "name": "Eärwen"}
    model = restrict(model, 0)
    source = Source.of(model, build_steppers(model)(0), 0, share=1.0)
    steps = engine.run("return client.explain({ ...given[0], category: null });", request)
    assert_same_steps(steps, model, source.network, "Eärwen", model.sampling)


def assert_same_steps(steps, model, network, name, sampling):
    alphabet = model.alphabet
    assert [step["prefix"] for step in steps] == [name[:length] for length in range(len(name) + 1)]
    assert [step["chosen"] for step in steps] == [*name, ""]
    hidden = network.start()
    for step, letter in zip(steps, [alphabet.boundary_id, *alphabet.encode(name)], strict=True):
        logits, hidden = network.step(np.array([letter]), hidden)
        for key, config in (("probability", SamplingConfig(temperature=1.0)), ("chance", sampling)):
            expected = probabilities(logits, config)[0]
            by_letter = {each["letter"]: each[key] for each in step["letters"]}
            found = [by_letter[letter] for letter in (*alphabet.letters, "")]
            np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-4)
        assert [step["probability"], step["chance"]] == [
            each[key]
            for each in step["letters"]
            if each["letter"] == step["chosen"]
            for key in ("probability", "chance")
        ]


# In a worker


def test_the_first_names_need_few_bytes_and_tell_their_progress(browser, address):
    engine = Engine(browser, address)
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    engine = Engine(browser, address)
    progress, sizes = engine.run(
        """
        const progress = [];
        await client.names({ category: "German", seed: 1, count: 5 }, { onProgress: (each) => progress.push(each) });
        const sizes = {};
        for (const name of given[0]) sizes[name] = (await (await fetch(name)).arrayBuffer()).byteLength;
        return [progress, sizes];
        """,
        [path.name for path in (REPOSITORY / "docs" / "playground").iterdir()]
        + ["pretrained.safetensors.gz", "spellings.txt.gz", "offensive.txt"],
    )
    assert sum(sizes.values()) <= MAX_FIRST_BYTES
    loaded = [each for each in progress if each["file"] == "pretrained.safetensors.gz"]
    assert [each["loaded"] for each in loaded] == sorted(each["loaded"] for each in loaded)
    assert loaded[-1]["loaded"] == loaded[-1]["total"] == sizes["pretrained.safetensors.gz"]
    assert len(loaded) > 2
    assert "people.safetensors.gz" not in {each["file"] for each in progress}


def test_a_task_is_cancelled_while_others_go_on(engine):
    found = engine.run(
        """
        const controller = new AbortController();
        const reason = new Error("enough");
        let items = 0;
        const long = client.names(
          { category: "German", seed: 1, count: 100000, filters: { ending: "er" } },
          { onItems: (some) => { items += some.length; if (items > 5) controller.abort(reason); },
            signal: controller.signal },
        ).then(() => "finished", (error) => error === reason);
        const short = [];
        await client.names({ category: "Irish", seed: 1, count: 3 }, { onItems: (some) => short.push(...some) });
        const wasCancelled = await long;
        const after = items;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return [wasCancelled, short.length, items === after, items < 100000];
        """
    )
    assert found == [True, 3, True, True]


# Errors are one line


@pytest.mark.parametrize(
    ("method", "request_", "message"),
    [
        ("names", {"category": "Klingon"}, "“Klingon” is not a category of the model."),
        ("names", {"category": "German:x+Irish"}, "The weight in “German:x” is not a positive number."),
        ("names", {"category": "German", "letters": "漢\t"}, "No name can begin with “"),
        ("names", {"category": "German", "filters": {"minLength": 400}}, "Names have at most 40 letters here."),
        ("names", {"model": "people", "category": "Korean/surname", "filters": {"novel": True}}, "known ones"),
        ("names", {"model": "people", "category": "Greek/male+Czech/male"}, "have no letters in common"),
        ("names", {"model": "mine", "category": None}, "The model mine is not open. Open its file first."),
        ("names", {"list": {"text": " \n ", "label": "x"}}, "The list has no names."),
        ("names", {"list": {"text": "a\0b", "label": "x"}}, "The list is not text in UTF-8."),
        ("names", {"list": {"text": "x" * 2000, "label": "x"}}, "is too long for a name"),
        ("people", {"cultures": ["Klingon"]}, "“Klingon” is not a culture of the model."),
        ("people", {"cultures": ["German"], "start": "☃"}, "No name can begin with “☃”"),
        ("people", {"cultures": None, "start": "☃"}, "No culture has given names that begin with these letters."),
        ("people", {"cultures": ["Icelandic"], "given": "\u200b"}, "is not printable text"),
        ("explain", {"category": "German", "name": "Łódź漢"}, "cannot be a name of this category"),
    ],
)
def test_wrong_requests_are_answered_in_a_line(engine, method, request_, message):
    request = {"category": None, "count": 1, "seed": 1, **request_}
    (answer,) = engine.ask(method, [request])
    assert isinstance(answer, str), json.dumps(answer)
    assert message in answer
    assert not answer.startswith("BUG")
    assert "\n" not in answer


def test_notes_tell_what_was_done_to_a_list(engine):
    lists = [LISTS["bullets"], "a,b\nc,d\ne,f\n", "Elves:\nAelar\nBelen\n"]
    requests = [{"list": {"text": text, "label": "x"}, "count": 1, "seed": 1} for text in lists]
    notes = [[item["note"] for item in items if "note" in item] for items in engine.ask("names", requests)]
    assert notes[0] == [
        "Skipped comments, such as “# My list”.",
        "Removed bullets, such as “-”.",
        "Left out 1 repeated name.",
    ]
    assert "several columns" in notes[1][-1]
    assert "“Elves:” looks like a heading" in notes[2][-1]
