"""The datasets of ``namegen download``, each file pinned by commit and SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class CatalogueEntry:
    """A dataset that can be downloaded.

    Attributes:
        about: its contents in a few words.
        origin: its repository and licence.
        url: the folder that contains its files.
        size: the bytes of all files together.
        files: the SHA-256 of each file in hexadecimal, by file name.
    """

    name: str
    about: str
    origin: str
    url: str
    size: int
    files: Mapping[str, str]


CATALOGUE = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="surnames",
            about="20,050 surnames of 18 languages, the data of the tutorial",
            origin="spro/practical-pytorch, MIT",
            url=(
                "https://raw.githubusercontent.com/spro/practical-pytorch/"
                "a7c4ecdc500a7b49d19d72b4cd76dc4b8d36acfe/data/names/"
            ),
            size=163_419,
            files={
                "Arabic.txt": "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
                "Chinese.txt": "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
                "Czech.txt": "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
                "Dutch.txt": "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
                "English.txt": "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
                "French.txt": "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
                "German.txt": "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
                "Greek.txt": "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
                "Irish.txt": "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
                "Italian.txt": "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
                "Japanese.txt": "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
                "Korean.txt": "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
                "Polish.txt": "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
                "Portuguese.txt": "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
                "Russian.txt": "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
                "Scottish.txt": "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
                "Spanish.txt": "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
                "Vietnamese.txt": "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
            },
        ),
        CatalogueEntry(
            name="makemore",
            about="32,033 given names in lower case, the data of makemore",
            origin="karpathy/makemore, MIT",
            url="https://raw.githubusercontent.com/karpathy/makemore/8f79bd0126eaef5eb82d346c9f85ae20ea1c476a/",
            size=228_145,
            files={"names.txt": "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"},
        ),
    )
}


def get_entry(name: str) -> CatalogueEntry:
    """Return an entry of the catalogue; raise ``UsageError`` if there is no such dataset."""
    if name not in CATALOGUE:
        raise UsageError(f"no dataset {name!r} in the catalogue; choose from {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
