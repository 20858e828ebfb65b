"""Run the notebooks of docs/notebooks/ and save them with their outputs.

python scripts/docs/run_notebooks.py [NOTEBOOK...] [--folder FOLDER]

Each notebook runs in an empty folder, with a cache directory of its own. The site shows the saved outputs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


def run(notebook: Path) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of a new run.

    Raises:
        CellExecutionError: a cell fails.
    """
    content = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory(prefix="namegen-notebook-") as folder:
        own = {"NAMEGEN_CACHE_DIR": str(Path(folder, "cache")), "OPENBLAS_NUM_THREADS": "1", "NAMEGEN_MODEL": ""}
        resources = {"metadata": {"path": folder}}
        options = {"timeout": 600, "kernel_name": "python3", "record_timing": False, "coalesce_streams": True}
        client = NotebookClient(content, resources=resources, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries that run the kernel
            client.execute(env={**os.environ, **own})
    content.metadata = nbformat.from_dict(
        {"kernelspec": content.metadata.kernelspec, "language_info": {"name": "python"}}
    )
    return content


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="by default all")
    parser.add_argument("--folder", type=Path, help="where to save them; by default where they are")
    given = parser.parse_args()
    for path in given.notebooks or sorted(FOLDER.glob("*.ipynb")):
        result = run(path)
        nbformat.write(result, (given.folder or path.parent) / path.name)
        print(path.name, flush=True)
