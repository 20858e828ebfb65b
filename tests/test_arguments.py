"""The library accepts what people are likely to pass, and says what is wrong with the rest."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import namegen
from namegen.errors import DataError, NamegenError, UsageError
from namegen.sampling import blocks
from namegen.sampling.prefixes import fit_prefix

NAMES = {
    "Elves": ["Aelar", "Caelynn", "Elaria", "Faelyn", "Ilphelkiir", "Thamior"],
    "Dwarves": ["Balin", "Brokk", "Durgin", "Thorgar", "Urist"],
}


@pytest.fixture(scope="module")
def model():
    return namegen.train(NAMES, recipe="instant")


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "mine.safetensors"
    model.save(file)
    return file


@pytest.fixture(scope="module")
def dataset():
    return namegen.Dataset.from_names(NAMES)


# The likeliest mistakes, and what the message says.
MISTAKES = {
    "n for count": (lambda m: namegen.sample(m, "Elves", n=3), r"sample\(\) has no argument 'n'; did you mean count"),
    "seed_": (lambda m: namegen.sample(m, "Elves", seed_=3), "did you mean seed"),
    "temp": (lambda m: namegen.sample(m, "Elves", temp=0.5), "did you mean temperature"),
    "letters for prefixes": (lambda m: namegen.iterate(m, "Elves", letters="ABC"), "did you mean prefixes"),
    "an unknown argument": (
        lambda m: namegen.score(m, "Elves", ["Aelar"], xyz=1),
        "use one of model, category, names$",
    ),
    "a list of categories": (
        lambda m: namegen.sample(m, ["Elves", "Dwarves"]),
        r"one category, not a list; for a blend use 'Elves\+Dwarves'",
    ),
    "two categories": (
        lambda m: namegen.sample(m, "Elves", "Dwarves"),
        r"'Dwarves' is a category, not start letters; for a blend of both, use Elves\+Dwarves",
    ),
    "a count as prefixes": (lambda m: namegen.sample(m, "Elves", 5), "prefixes must be start letters.*mean count=5"),
    "no model": (lambda m: namegen.sample("German"), "German is a category, not a model.*'pretrained'"),
    "None as the model": (lambda m: namegen.sample(None, "Elves"), r"not None; load_model\(\) returns"),
    "a dataset as the model": (lambda m: namegen.sample(NAMES, "Elves"), "or its name or path, not a dict"),
    "a dict as the configuration": (
        lambda m: namegen.sample(m, config={"temperature": 1}),
        "config must be a SamplingConfig, not a dict.*temperature=",
    ),
    "an empty dict as the configuration": (lambda m: namegen.sample(m, config={}), "not a dict"),
    "a dict as filters": (
        lambda m: namegen.sample(m, filters={"unique": True}),
        "filters must be a Filters, not a dict",
    ),
    "a number as the device": (lambda m: namegen.sample(m, device=0), "device must be text.*not the number 0"),
    "the count as text": (lambda m: namegen.sample(m, count="5"), "count must be a whole number"),
    "a name as names": (
        lambda m: namegen.classify(m, "Aelar"),
        r"must be a list of names, not a string; use \['Aelar'\]",
    ),
    "a number among names": (lambda m: namegen.score(m, "Elves", ["Aelar", 5]), "number 2 is the number 5"),
    "arguments in the wrong order": (lambda m: namegen.score(m, ["Aelar"], "Elves"), "category must be one category"),
    "names forgotten": (lambda m: namegen.score(m, "Elves"), r"score\(\) needs the argument names"),
    "an argument twice": (lambda m: namegen.sample(m, "Elves", model=m), "has model twice"),
    "a name in like": (lambda m: namegen.like("Aelar"), "^names must be a list of names, not a string; open_dataset"),
    "a path in train": (
        lambda m: namegen.train("elves.txt"),
        "^names must be a list of names, not a string; open_dataset",
    ),
    "nothing in train": (lambda m: namegen.train(), r"train\(\) needs the argument dataset"),
    "a name as a category": (lambda m: namegen.train({"Elves": "Aelar"}), "names of 'Elves' must be a list"),
    "categories within categories": (lambda m: namegen.train({"elf": {"female": ["A"]}}), "not a dict; give lists by"),
    "no names": (lambda m: namegen.train([]), "no names"),
    "a misspelt setting": (lambda m: namegen.train(NAMES, iters=5), r"train\(\) has no argument 'iters'.*iterations"),
    "a recipe as configuration": (lambda m: namegen.train(NAMES, "best"), r"such as training_config\('best'\)"),
    "an unknown recipe": (lambda m: namegen.train(NAMES, recipe="bets"), "no recipe 'bets'"),
    "a recipe and a model": (lambda m: namegen.train(NAMES, recipe="best", init="pretrained"), "recipe and init"),
    "a list in evaluate": (lambda m: namegen.evaluate(m, NAMES["Elves"]), r"names by category, such as \{'Dwarves'"),
    "other categories in evaluate": (lambda m: namegen.evaluate(m, {"Orcs": ["Ugh"]}), "no category 'Orcs'"),
    "a count of people by place": (lambda m: namegen.people("German", 5), "1 positional argument, not 2.*count="),
    "a number as culture": (lambda m: namegen.people(5), "did you mean count=5"),
    "a list as a path": (lambda m: namegen.load_dataset(["Anna"]), "no file or folder 'Anna'.*from_names"),
    "a list as a dataset": (lambda m: namegen.open_dataset(["Anna"]), "no file or folder 'Anna'.*from_names"),
    "a model as a history": (lambda m: namegen.plot_history([m], "x.png"), "histories must be a model or"),
    "no evaluation in a plot": (lambda m: namegen.plot_evaluation(None, "x.png"), "what evaluate returns, not None"),
    "names in the constructor": (lambda m: namegen.Dataset(NAMES), "needs the argument.*from_names"),
    "a name in the constructor": (lambda m: namegen.Model("pretrained"), "needs the argument.*load_model"),
    "a misspelt filter": (lambda m: namegen.Filters(uniqe=True), r"Filters\(\) has no argument 'uniqe'.*unique"),
    "a word to exclude": (lambda m: namegen.Filters(exclude_parts="cock"), "must be a list"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_likely_mistake_is_a_clear_error(model, mistake):
    call, message = MISTAKES[mistake]
    with pytest.raises((UsageError, DataError), match=message) as raised:
        call(model)
    assert "\n" not in str(raised.value)


WRONG = [
    None,
    True,
    5,
    -1.5,
    float("nan"),
    "",
    "xyz",
    b"xyz",
    [],
    ["xyz"],
    [None],
    [5],
    {},
    {"xyz": 5},
    {5: ["x"]},
    object(),
]


def run(function, arguments):
    """Call a function, and exhaust an iterator that it returns."""
    result = function(**arguments)
    if inspect.isgenerator(result):
        list(result)


def test_no_wrong_argument_ends_in_an_error_from_inside(model, dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 64)
    image = {"path": tmp_path / "plot.svg"}
    names, style = NAMES["Elves"], {"names": NAMES["Elves"], "model": "pretrained"}
    sampling = {"count": 1, "prefixes": "A", "config": None, "filters": None, "seed": 1, "shard": None, "device": None}
    (tmp_path / "elf.txt").write_text("Aelar\n")
    sampling |= {"temperature": 1.0, "unique": False, "exclude": (), "exclude_parts": (), "match": None, "floor": 0.0}
    calls = {
        namegen.sample: {"model": model, "category": "Elves", **sampling},
        namegen.iterate: {"model": model, "category": "Elves", "scores": False, "count": 1, "prefixes": "A"},
        blocks: {"model": model, "category": "Elves", "scores": False, "shard": (1, 2), "seed": 1},
        namegen.top: {"model": model, "category": "Elves", "prefix": "A", "count": 1, "filters": None, "max_length": 5},
        namegen.like: {**style, "category": None}
        | {key: sampling[key] for key in ("count", "prefixes", "seed", "filters")},
        namegen.like_model: {**style, "category": None},
        namegen.people: {
            "cultures": "German",
            "count": 1,
            "gender": "any",
            "given": None,
            "surname": None,
            "start": None,
        }
        | {"known": "parts", "unique": False, "ascii": False, "seed": 1, "model": "people"},
        namegen.score: {"model": model, "category": "Elves", "names": names},
        namegen.classify: {"model": model, "names": names, "prior": "uniform"},
        namegen.evaluate: {
            "model": model,
            "dataset": dataset,
            "count": 1,
            "seed": 1,
            "everything": True,
            "config": None,
        },
        namegen.train: {"dataset": NAMES, "config": None, "init": None, "device": None, "threads": None}
        | {
            "checkpoint": None,
            "resume": False,
            "stop": lambda: False,
            "progress": False,
            "recipe": "instant",
            "ngram_order": 3,
        },
        namegen.training_config: {"recipe_name": "default", "iterations": 5, "learning_rate": 0.1},
        namegen.load_dataset: {"path": tmp_path, "alphabet": "ascii", "keep_repeats": False, "label": None},
        namegen.open_dataset: {"name_or_path": "starter", "alphabet": "ascii", "keep_repeats": False},
        namegen.load_model: {"name_or_path": "pretrained"},
        namegen.download: {"name": "surnames", "source": str(tmp_path), "verify": True},
        namegen.export_onnx: {"model": "pretrained", "path": tmp_path / "model.onnx"},
        namegen.plot_history: {"histories": namegen.load_model("pretrained"), **image},
        namegen.explain: {"model": model, "name": "Aelar", "category": "Elves"},
        namegen.plot_explanation: {"explanation": namegen.explain(model, "Aelar"), **image},
        namegen.plot_evaluation: {"evaluation": namegen.evaluate(model, dataset, count=1), "name": "mine", **image},
        namegen.Dataset.from_names: {"names": NAMES, "alphabet": "ascii", "keep_repeats": False, "label": "names"},
        dataset.names: {"category": "Elves"},
        dataset.name: {"index": 0},
        model.save: {"path": tmp_path / "x.safetensors", "half": False},
        namegen.Alphabet: {"letters": ("a", "b")},
        namegen.Filters: {"min_length": 1, "match": None, "exclude": (), "exclude_parts": (), "unique": False},
        namegen.SamplingConfig: {"temperature": 1.0, "top_k": 1, "max_length": 5},
        namegen.TrainingConfig: {"iterations": 5, "recipe": "default", "distillation": None, "init": None},
    }
    functions = {getattr(namegen, name) for name in namegen.__all__ if inspect.isfunction(getattr(namegen, name))}
    assert functions <= calls.keys()
    failures = []
    for function, valid in calls.items():
        if function is not namegen.download:
            run(function, valid)
        for name in valid:
            for wrong in WRONG:
                if name == "source" and wrong is None:
                    continue  # for the network
                try:
                    run(function, valid | {name: wrong})
                except NamegenError as error:
                    if "\n" in str(error):
                        failures.append(f"{function.__name__}({name}={wrong!r}): {error}")
                except Exception as error:  # noqa: BLE001 - that is what is tested
                    failures.append(f"{function.__name__}({name}={wrong!r}): {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)


def test_a_model_may_be_given_by_its_name_or_path(model, path, tmp_path):
    expected = namegen.sample(model, "Elves", "AEF", seed=1)

    for given in (path, str(path)):
        assert namegen.sample(given, "Elves", "AEF", seed=1) == expected
        assert [name.name for name in namegen.iterate(given, "Elves", "AEF", seed=1)] == expected
        assert [name for block in blocks(given, "Elves", "AEF", seed=1) for name in block.names] == expected
        assert namegen.top(given, "Elves", count=2) == namegen.top(model, "Elves", count=2)
        assert namegen.classify(given, ["Aelar"]).best == ["Elves"]
        assert namegen.score(given, "Elves", ["Aelar"]).log_probabilities > -20
        assert namegen.evaluate(given, NAMES, count=0, everything=True).names == 11
    assert namegen.sample("pretrained", "German", seed=1) == namegen.sample(
        namegen.load_model("pretrained"), "German", seed=1
    )
    namegen.plot_history("pretrained", tmp_path / "loss.svg")
    assert "Loss of pretrained" in (tmp_path / "loss.svg").read_text()


def test_a_loss_history_may_be_given_as_a_model_or_alone(tmp_path):
    model = namegen.load_model("pretrained")
    files = [tmp_path / f"{number}.svg" for number in range(4)]
    named = [{"the model": model}, {"the model": model.history}]
    for given, file in zip([model, named[0], model.history, named[1]], files, strict=True):
        namegen.plot_history(given, file)

    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[2].read_bytes() == files[3].read_bytes()
    assert b"against teachers" in files[0].read_bytes()  # which a history alone does not tell


def test_lists_are_accepted_in_place_of_a_dataset(dataset):
    elves, by_category = NAMES["Elves"], namegen.train(dataset, recipe="instant")

    assert namegen.train(NAMES, recipe="instant").fingerprint == by_category.fingerprint
    assert namegen.train(elves, recipe="instant").categories == ("names",)
    assert namegen.train(np.array(elves), recipe="instant").counts.tolist() == [6]
    assert namegen.train((name for name in elves), recipe="instant").counts.tolist() == [6]
    one = namegen.train({"Elves": elves}, recipe="instant")
    assert namegen.evaluate(one, [*elves, "Aelynn"], count=1).names == 1
    assert namegen.like(elves, count=2, seed=1) == namegen.like({"names": elves}, count=2, seed=1)


def test_a_set_of_names_gives_the_same_dataset_in_every_process():
    assert namegen.Dataset.from_names({"Elves": {"b", "c", "a", "d"}}).names("Elves") == ["a", "b", "c", "d"]


def test_repeats_are_kept_if_the_recipe_keeps_them():
    config = namegen.training_config("tutorial", iterations=1, hidden_size=2)

    assert namegen.train({"Elves": ["Aelar", "Aelar"]}, config).counts.tolist() == [2]
    assert namegen.train({"Elves": ["Aelar", "Aelar"]}, recipe="instant").counts.tolist() == [1]


def test_a_recipe_can_be_chosen_by_name():
    assert namegen.training_config(recipe="tutorial") == namegen.training_config("tutorial")


def test_lists_are_spelt_in_the_letters_of_the_model_that_they_are_added_to():
    model = namegen.train({"Elves": ["Ælar", "Caelynn"]}, init="pretrained", iterations=2)

    assert model.categories[-1] == "Elves"
    assert model.alphabet.letters == (*namegen.ASCII.letters, "Æ")


def test_columns_of_a_table_are_accepted_in_place_of_a_list(model):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"name": ["Aelar", "Balin", None, "Caelynn"], "kind": ["elf", "dwarf", "elf", "elf"]})
    by_kind = {kind: rows["name"] for kind, rows in table.groupby("kind")}
    dataset = namegen.Dataset.from_names(by_kind)

    assert dataset.names("elf") == ["Aelar", "Caelynn"]
    assert dataset.notes == ("left out 1 missing name",)
    assert namegen.train(by_kind, recipe="instant").categories == ("dwarf", "elf")
    assert namegen.train(table["name"], recipe="instant").counts.tolist() == [3]
    assert namegen.train(table["name"].astype("category"), recipe="instant").counts.tolist() == [3]
    assert len(namegen.like(table["name"], count=3)) == 3
    assert namegen.classify(model, table["name"]).best == ["Elves", "Dwarves", None, "Elves"]
    assert len(namegen.sample(model, "Elves", table["name"].dropna().str[0])) == 3
    with pytest.raises(
        UsageError, match=r"not a table with the columns name, kind; choose one, such as table\['name'\]"
    ):
        namegen.train(table)


def test_missing_names_are_left_out_and_counted_and_get_no_score(model):
    dataset = namegen.Dataset.from_names({"Elves": ["Aelar", None, float("nan")]})

    assert dataset.names("Elves") == ["Aelar"]
    assert dataset.notes == ("left out 2 missing names",)
    assert np.isnan(namegen.score(model, "Elves", ["Aelar", None]).log_probabilities).tolist() == [False, True]


def test_a_dataset_has_names_at_its_indices_only(dataset):
    assert dataset.name(0) == "Balin"
    for index in (-1, len(dataset)):
        with pytest.raises(UsageError, match="index"):
            dataset.name(index)


def test_a_prefix_that_the_model_cannot_write_is_reported(model):
    notices = []
    for prefixes in (["Äe", "el", "Fa"], iter(["Äe"])):
        list(blocks(model, "Elves", prefixes, notice=notices.append))

    assert notices == ["the model cannot write 'Äe'; names begin with 'Ae'"] * 2
    assert fit_prefix(model, "Äe") == "Ae"


def test_start_letters_in_capitals_are_never_a_category():
    model = namegen.train({"ABC": ["Anna", "Bea", "Cleo"], "X": ["Xaver"]}, recipe="instant")

    assert [name[0] for name in namegen.sample(model, "ABC", "ABC")] == ["A", "B", "C"]


def test_the_signature_of_a_function_is_its_own():
    assert list(inspect.signature(namegen.score).parameters) == ["model", "category", "names"]
    assert namegen.score.__doc__.startswith("Return the probabilities of names")
    assert isinstance(Path(inspect.getsourcefile(inspect.unwrap(namegen.score))), Path)
