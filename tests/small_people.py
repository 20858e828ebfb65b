"""A small model of people, trained in a moment on lists of Faker."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np

import namegen
from namegen.models.closed import ClosedNames
from namegen.models.letters import find_letters

_LOCALES = {
    "Brazilian": "pt_BR",
    "Czech": "cs_CZ",
    "German": "de_DE",
    "Hungarian": "hu_HU",
    "Russian": "ru_RU",
    "Spanish": "es_ES",
    "Ukrainian": "uk_UA",
}
_AGREEING = ("Czech", "Russian")
_LIST_SIZE = 400  # names of a part
_CLOSED = {
    "Korean/surname": ["김", "이", "박"],
    "Chinese/surname": ["王", "李", "张", "欧阳"],
    "Chinese/female": ["芳", "秀英", "敏"],
    "Chinese/male": ["伟", "建国", "强"],
}
KOREAN = (
    *(
        "하나",
        "지원",
        "서연",
        "민지",
        "수빈",
        "예린",
        "유나",
        "지민",
        "은서",
        "다은",
        "가은",
        "하은",
        "서윤",
        "지우",
        "소율",
    ),
    *(
        "채원",
        "시은",
        "나은",
        "예은",
        "수아",
        "지안",
        "서아",
        "하윤",
        "윤서",
        "민서",
        "지윤",
        "채은",
        "지유",
        "서현",
        "예나",
    ),
)


def read_lists() -> dict[str, list[str]]:
    """Return real names by category."""
    lists = {"Korean/female": list(KOREAN), "Korean/male": list(KOREAN), "German/place": ["Ulm", "Bonn", "Celle"]}
    for culture, locale in _LOCALES.items():
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for gender in ("female", "male"):
            lists[f"{culture}/{gender}"] = list(getattr(provider, f"first_names_{gender}"))[:_LIST_SIZE]
            if culture in _AGREEING:
                lists[f"{culture}/surname-{gender}"] = list(getattr(provider, f"last_names_{gender}"))[:_LIST_SIZE]
        if culture not in _AGREEING:
            lists[f"{culture}/surname"] = list(provider.last_names)[:_LIST_SIZE]
    return lists


def build_people_model() -> namegen.Model:
    """Return a model of the lists, with the closed categories of Korean and Chinese."""
    dataset = namegen.Dataset.from_names(read_lists(), alphabet="unicode")
    model = namegen.train(dataset, namegen.training_config("instant"))
    closed = {
        category: ClosedNames(tuple(names), np.ones(len(names), dtype=np.float32))
        for category, names in _CLOSED.items()
    }
    return replace(model, letters=find_letters(dataset), closed=closed)
