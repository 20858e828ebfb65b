"""Convert a notebook with its outputs to a page in Markdown, for the site.

Pictures become data URIs, with the text in a cell's metadata ``alt`` for readers who cannot see them. A cell with the
tag ``solution`` is folded. A notebook is JSON, so this needs no other package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def page(notebook: Path) -> str:
    """Return the page of a notebook.

    Raises:
        ValueError: a picture has no text for readers who cannot see it.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    first, *others = content["cells"]
    download = f'<a href="{notebook.name}" download>Download this notebook</a>'
    parts = [_join(first["source"]), download, *(part for cell in others for part in _cell(cell, notebook.name))]
    return "\n\n".join(parts) + "\n"


def _cell(cell: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the blocks of Markdown of a cell and its outputs."""
    source = _join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    is_solution = "solution" in cell["metadata"].get("tags", ())
    if is_solution:
        yield '<details markdown="1"><summary>Solution</summary>'
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = {kind: _join(value) for kind, value in output.get("data", {}).items()}
        if "image/png" in data:
            alt = cell["metadata"].get("alt")
            if not alt:
                raise ValueError(f"{name}: the picture of the cell {cell['id']} needs a description, as metadata `alt`")
            yield f"![{alt}](data:image/png;base64,{data['image/png'].replace(chr(10), '')})"
        elif "text/html" in data:
            html = data["text/html"].replace("\n", "")
            yield html.replace('<table border="1" class="dataframe">', "<table>")  # pandas; the theme has its own style
        else:
            yield f"```text\n{_join(output.get('text', data.get('text/plain', ''))).rstrip()}\n```"
    if is_solution:
        yield "</details>"


def _join(text: str | list[str]) -> str:
    """Return a text of a notebook, which may be a list of lines."""
    return text if isinstance(text, str) else "".join(text)
