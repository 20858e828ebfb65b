"""Change the contents of model files, and limit the memory that reading them takes."""

from __future__ import annotations

import json
import struct
import tracemalloc
from contextlib import contextmanager

from safetensors import safe_open
from safetensors.numpy import save_file


def parts(path):
    """Return the header and the data of a safetensors file, by its published format."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_text(path, text):
    """Replace the header of a model file by other bytes."""
    path.write_bytes(struct.pack("<Q", len(text)) + text + parts(path)[1])


def with_header(path, change):
    header, _ = parts(path)
    change(header)
    with_text(path, json.dumps(header).encode())


def with_document(path, change):
    """Change the text of a model file's JSON document."""

    def replace_document(header):
        before = header["__metadata__"]["namegen"]
        header["__metadata__"]["namegen"] = change(before)
        assert header["__metadata__"]["namegen"] != before

    with_header(path, replace_document)


def with_facts(path, change):
    """Change the contents of a model file's JSON document."""

    def change_facts(text):
        facts = json.loads(text)
        change(facts)
        return json.dumps(facts)

    with_document(path, change_facts)


def with_tensors(path, changed):
    """Replace tensors of a model file: by other arrays, by functions of those before, or by nothing (``None``)."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors |= {name: new(tensors[name]) if callable(new) else new for name, new in changed.items()}
    save_file({name: array for name, array in tensors.items() if array is not None}, path, metadata)


@contextmanager
def memory_at_most(megabytes):
    """Limit the memory that Python and numpy take in the body."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < megabytes * 2**20
