"""How cultures compose full names."""

from __future__ import annotations

import pytest

from namegen.sampling.cultures import bulgarian_patronymic, portuguese_link, russian_patronymic, ukrainian_patronymic
from namegen.sampling.populations import compose

# Expected forms: Wikipedia, "Eastern Slavic naming customs" and "Bulgarian name"; the Ukrainian orthography of 2019.
RUSSIAN = {
    "Иван": "Иванович Ивановна",
    "Николай": "Николаевич Николаевна",
    "Василий": "Васильевич Васильевна",
    "Юрий": "Юрьевич Юрьевна",
    "Викентий": "Викентьевич Викентьевна",
    "Дмитрий": "Дмитриевич Дмитриевна",
    "Георгий": "Георгиевич Георгиевна",
    "Игорь": "Игоревич Игоревна",
    "Никита": "Никитич Никитична",
    "Илья": "Ильич Ильинична",
    "Лука": "Лукич Лукинична",
    "Захария": "Захариевич Захариевна",
    "Марко": "Маркович Марковна",
    "Франц": "Францевич Францевна",
    "Гиви": "Гивиевич Гивиевна",
    "Лев": "Львович Львовна",
    "Пётр": "Петрович Петровна",
    "Яков": "Яковлевич Яковлевна",
    "Михаил": "Михайлович Михайловна",
}
UKRAINIAN = {
    "Іван": "Іванович Іванівна",
    "Сергій": "Сергійович Сергіївна",
    "Юрій": "Юрійович Юріївна",
    "Василь": "Васильович Василівна",
    "Ігор": "Ігорович Ігорівна",
    "Петро": "Петрович Петрівна",
    "Микита": "Микитович Микитівна",
    "Захарія": "Захарійович Захаріївна",
    "Микола": "Миколайович Миколаївна",
    "Ілля": "Ілліч Іллівна",
    "Лев": "Львович Львівна",
    "Григорій": "Григорович Григорівна",
    "Яків": "Якович Яківна",
}
BULGARIAN = {
    "Иван": "Иванов Иванова",
    "Николай": "Николаев Николаева",
    "Георги": "Георгиев Георгиева",
    "Димитър": "Димитров Димитрова",
    "Христо": "Христов Христова",
    "Никола": "Николов Николова",
    "Илия": "Илиев Илиева",
    "Петьо": "Петев Петева",
    "Ганчо": "Ганчев Ганчева",
    "Райо": "Раев Раева",
    "Васил": "Василев Василева",
}


@pytest.mark.parametrize(
    ("form", "expected"),
    [(russian_patronymic, RUSSIAN), (ukrainian_patronymic, UKRAINIAN), (bulgarian_patronymic, BULGARIAN)],
)
def test_patronymics_of_sons_and_daughters(form, expected):
    formed = {father: f"{form(father, 'male')} {form(father, 'female')}" for father in expected}

    assert formed == expected


@pytest.mark.parametrize(
    ("culture", "given", "surname", "name"),
    [
        ("Hungarian", "Boróka", "Kelemenfi", "Kelemenfi Boróka"),
        ("Chinese", "建国", "欧阳", "欧阳建国"),
        ("Taiwanese", "品睿", "吳", "吳品睿"),
        ("Japanese", "さくら", "山田", "山田さくら"),
        ("Korean", "하나", "김", "김하나"),
        ("Vietnamese", "An", "Nguyễn", "Nguyễn An"),
        ("Icelandic", "Kaíana", "Vilbogadóttir", "Kaíana Vilbogadóttir"),
        ("Dutch", "Sanne", "van der Meij", "Sanne van der Meij"),
        ("German", "Anna", "Müller", "Anna Müller"),
        ("Martian", "Zork", "Blub", "Zork Blub"),
    ],
)
def test_order_and_separator(culture, given, surname, name):
    assert compose(culture, "female", given, surname).name == name


@pytest.mark.parametrize("culture", ["Spanish", "Mexican", "Colombian", "Chilean"])
def test_the_mothers_surname_is_last_in_spanish(culture):
    person = compose(culture, "male", "Juan", "García", mother_surname="López")

    assert (person.surname, person.name) == ("García López", "Juan García López")


@pytest.mark.parametrize("culture", ["Portuguese", "Brazilian"])
def test_the_mothers_surname_is_first_in_portuguese(culture):
    person = compose(culture, "male", "João", "Silva", mother_surname="Gomes")

    assert (person.surname, person.name) == ("Gomes Silva", "João Gomes Silva")


def test_other_cultures_ignore_the_parents():
    assert compose("German", "male", "Jan", "Ott", father="Hans", mother_surname="Abel").name == "Jan Ott"


def test_patronymics_stand_between_given_name_and_surname():
    person = compose("Russian", "female", "Анна", "Каренина", father="Аркадий")

    assert (person.middle, person.name) == ("Аркадьевна", "Анна Аркадьевна Каренина")


def test_a_fifth_of_portuguese_surnames_take_a_particle():
    surnames = [f"{first}{second}ado" for first in "ABCDEFGHLMNPRSTV" for second in "aeiou"]
    linked = [portuguese_link(surname) for surname in surnames]

    assert all(link in (surname, f"de {surname}") for link, surname in zip(linked, surnames, strict=True))
    assert 0.1 < sum(link != surname for link, surname in zip(linked, surnames, strict=True)) / len(surnames) < 0.3
    assert {portuguese_link(f"{surname[:-1]}os").split(" ")[0] for surname in surnames} & {"dos"}
    unlinked = ["Silva", "Fernandes", "Lopes", "da Costa", "Castelo Branco"]
    assert [portuguese_link(surname) for surname in unlinked] == unlinked
