"""The notebooks run from a fresh start, and the saved outputs that GitHub and the site show are those of such a run."""

from __future__ import annotations

import json
import re
import runpy

import pytest

from support import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
SCRIPTS = REPOSITORY / "scripts" / "docs"
EACH = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(content):
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def outputs_of(cell):
    """Return the kinds of the outputs of a cell; consecutive prints count as one."""
    kinds = [sorted(output.get("data", {output.get("name"): ""})) for output in cell["outputs"]]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1] or kind != ["stdout"]]


def text_of(cell):
    return "".join(
        "".join(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in cell["outputs"]
    )


def load(notebook):
    return json.loads(notebook.read_text(encoding="utf-8"))


def test_there_is_a_notebook_for_a_class_one_for_writers_and_one_with_the_code_of_the_tutorial():
    assert [path.stem for path in NOTEBOOKS] == ["class", "side-by-side", "writers"]


@pytest.mark.slow
@EACH
def test_a_notebook_runs_and_has_the_outputs_that_were_saved(notebook):
    run = runpy.run_path(str(SCRIPTS / "run_notebooks.py"))["run"]
    saved, new = cells_of(load(notebook)), cells_of(run(notebook))

    assert [outputs_of(cell) for cell in new] == [outputs_of(cell) for cell in saved]
    agreements = [text_of(cell) for cell in new if "allclose" in "".join(cell["source"])]
    assert all("False" not in text for text in agreements)
    if notebook.stem in {"class", "side-by-side"}:
        assert agreements
    if notebook.stem == "side-by-side":
        by_hand, ours = re.findall(r"mean loss per letter: ([\d.]+)", "".join(map(text_of, new)))
        assert float(by_hand) == pytest.approx(float(ours), abs=0.05)


@EACH
def test_all_cells_were_run_in_order_without_errors_and_warnings(notebook):
    cells = cells_of(load(notebook))

    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
    assert not re.search(r"/(?:home|tmp|root|work|Users)/", "".join(map(text_of, cells)))


@EACH
def test_every_picture_is_described_and_the_training_shows_its_progress(notebook):
    for cell in cells_of(load(notebook)):
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", ())}
        if "image/png" in kinds:
            assert len(cell["metadata"].get("alt", "")) > 50
        source = "".join(cell["source"])
        if "namegen.train(" in source and "progress=False" not in source:
            assert "100%" in text_of(cell)


def test_every_exercise_of_the_class_has_a_solution():
    content = load(REPOSITORY / "docs" / "notebooks" / "class.ipynb")
    text = "\n".join("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "markdown")
    exercises = re.findall(r"\*\*Exercise (\d)\.\*\*", text)
    solutions = re.findall(r"^\*\*(\d)\.\*\*", text.split("## Solutions")[1], re.MULTILINE)
    cells = [cell for cell in cells_of(content) if "solution" in cell["metadata"].get("tags", ())]

    assert exercises == solutions == list("123456")
    assert len(cells) == 6


def test_a_picture_without_a_description_ends_the_build_of_the_site(tmp_path, monkeypatch):
    page = runpy.run_path(str(SCRIPTS / "notebook_pages.py"))["page"]
    picture = {"output_type": "display_data", "data": {"image/png": "iVBOR\n"}, "metadata": {}}
    code = {"cell_type": "code", "id": "x", "metadata": {}, "source": ["1 +\n", "1"], "outputs": [picture]}
    content = {"cells": [{"cell_type": "markdown", "source": "# Title"}, code]}
    file = tmp_path / "x.ipynb"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="cell x needs a description"):
        page(file)

    code["metadata"] = {"alt": "A line", "tags": ["solution"]}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert page(file).split("\n\n")[2:] == [
        '<details markdown="1"><summary>Solution</summary>',
        "```python\n1 +\n1\n```",
        "![A line](data:image/png;base64,iVBOR)",
        "</details>\n",
    ]


@pytest.mark.slow
def test_a_training_in_a_real_kernel_shows_one_display_and_a_figure_one_picture(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    source = (
        "import namegen\n"
        "names = ['Aelar', 'Caelynn', 'Elaria', 'Faelyn'] * 5\n"
        "model = namegen.train(names, iterations=2_000, hidden_size=8)"
    )
    sources = [
        source,
        "namegen.plot_history(model)",
        "import matplotlib.pyplot\nnamegen.plot_history(model)",
        "model.history",
    ]
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(content, tmp_path / "try.ipynb")
    done = runpy.run_path(str(SCRIPTS / "run_notebooks.py"))["run"](tmp_path / "try.ipynb")
    trained, plotted, with_pyplot, history = cells_of(done)

    assert outputs_of(trained) == [["text/html", "text/plain"]]
    assert "2,000/2,000" in text_of(trained)
    assert outputs_of(plotted) == outputs_of(with_pyplot) == [["image/png", "text/plain"]]
    assert outputs_of(history) == [["text/html", "text/plain"]]
