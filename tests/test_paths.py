"""Locations of files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from namegen import paths
from namegen.errors import CacheError, UsageError


def test_everything_lives_below_the_folder_that_the_environment_names(cache):
    assert paths.cache_dir() == cache
    assert paths.dataset_dir("surnames") == cache / "datasets" / "surnames"
    assert paths.models_dir() == cache / "models"
    assert paths.runs_dir() == cache / "runs"
    assert paths.locks_dir() == cache / "locks"
    assert not cache.exists()


def test_a_tilde_in_the_environment_means_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", "~/names")
    assert paths.cache_dir() == tmp_path / "names"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the XDG folders are those of Linux")
@pytest.mark.parametrize("override", [None, ""])
def test_without_an_override_the_users_cache_folder_is_taken(monkeypatch, tmp_path, override):
    if override is None:
        monkeypatch.delenv("NAMEGEN_CACHE_DIR")
    else:
        monkeypatch.setenv("NAMEGEN_CACHE_DIR", override)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache_dir() == tmp_path / "namegen"


@pytest.mark.parametrize("found", ["~/.cache/namegen", "relative/namegen", None])
def test_a_cache_folder_that_would_be_another_from_each_folder_is_one_clear_error(monkeypatch, found):
    import platformdirs

    def user_cache_path(*_arguments, **_options):
        if found is None:
            raise RuntimeError("could not determine the home directory")
        return Path(found)

    monkeypatch.delenv("NAMEGEN_CACHE_DIR")
    monkeypatch.setattr(platformdirs, "user_cache_path", user_cache_path)
    with pytest.raises(CacheError, match="set NAMEGEN_CACHE_DIR to a directory"):
        paths.cache_dir()


@pytest.mark.parametrize("name", ["a", "default", "Elves-2.1_b", "0", "x" * 100])
def test_letters_digits_dots_hyphens_and_underscores_make_a_name(name):
    assert paths.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "_x", "a/b", "a\\b", "../x", "a b", "é", "a\n", "a\0", "x" * 101]
)
def test_anything_else_cannot_be_a_name(name):
    with pytest.raises(UsageError, match="cannot be a name; use letters, digits"):
        paths.check_name(name)


def test_a_separator_or_the_suffix_of_a_model_file_makes_a_path():
    assert all(map(paths.looks_like_path, ("a/b", "./a", "/a", "a.safetensors", "A.SafeTensors")))
    assert not any(map(paths.looks_like_path, ("a", "default", "a.b", "safetensors")))
