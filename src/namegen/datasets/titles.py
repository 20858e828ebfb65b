"""Recognize the titles of columns by known words in two dozen languages."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Role = Literal["name", "category", "weight", "other"]

_WORDS: dict[Role, str] = {
    "category": """
        category categories kategorie catégorie categoría categoria kategori категория カテゴリ 类别 sex sexe sexo
        sesso geslacht gender genders genre género gênero genere geschlecht kön kjønn køn sukupuoli płeć pohlaví
        pohlavie nem spol пол стать φύλο cinsiyet 性別 性别 성별 giới group gruppe groupe grupo gruppo type typ tipo
        class klasse classe clase race species culture kultur language sprache langue lengua idioma lingua språk
        язык country countries land pays país paese страна nationality nationalität nationalité nacionalidad
        origin origins herkunft origine origen region région región state tribe people peoples volk faction clan
    """,
    "name": """
        name names label first last given surname surnames forename forenames firstname lastname fullname
        givenname familyname vorname vornamen nachname nachnamen familienname rufname nom noms prénom prénoms
        prenom prenoms prenomusuel nombre nombres apellido apellidos nome nomi cognome cognomi prenome sobrenome
        naam voornaam achternaam namn förnamn efternamn tilltalsnamn navn fornavn etternavn efternavn nimi
        etunimi sukunimi imię imiona nazwisko nazwiska nazwa jméno příjmení meno priezvisko név keresztnév
        vezetéknév ime prezime имя имена фамилия фамилии название ім'я прізвище όνομα επώνυμο isim ad soyad nume
        prenume nafn tên 姓名 名字 名前 氏名 姓 名 名称 이름 성 성명 اسم नाम ชื่อ
    """,
    "weight": """
        count counts cnt number freq frequency frequencies frequenz births total totals amount occurrences
        quantity n num anzahl häufigkeit geburten nombre effectif effectifs fréquence valeur naissances
        frecuencia cantidad número numero nacimientos nati frequenza frequência quantidade antal antall
        lukumäärä määrä liczba ilość wystąpień počet četnost darab szám число количество частота кількість
        αριθμός adet sayı value values persons people bearers population 人数 数量 件数 人口 빈도 인원
    """,
    "other": """
        id ids key code codes qid index rank ranking rang position platz rango orden posto lp year years jahr
        année annee annais año ano anno år vuosi rok év год periode period date datum fecha age alter âge edad
        età percent percentage prozent pourcentage porcentaje percentuale share anteil prop rate ratio latitude
        longitude url uri link image notes note description comment meaning bedeutung signification significado
        順位 年 순위 индекс ранг место filename
    """,
}
_ROLES: dict[Role, frozenset[str]] = {role: frozenset(words.split()) for role, words in _WORDS.items()}
_GENERIC = re.compile(r"(?:column|col|spalte|colonne|columna|colonna|kolumn|kolom|field|feld|unnamed:)[ _]?\d+")
_SEXES = """
    f m w h v k b g d u x 1 2
    male female boy girl boys girls man woman men women männlich weiblich masculin féminin homme
    femme garçon fille hombre mujer maschio femmina masculino feminino kvinna kvinne kvinder mænd män menn муж жен м ж
    unisex both
"""
SEXES = frozenset(_SEXES.split())
"""The casefolded values of columns of sexes."""


def read_title(title: str) -> set[Role]:
    """Return the roles that a column with this title may have.

    Returns:
        An empty set if the title has no known word, or more than four words.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", title)).replace("_", " ").casefold()
    words = re.findall(r"[^\W\d]+(?:'[^\W\d]+)?", spaced)
    return {role for role, known in _ROLES.items() if not known.isdisjoint(words)} if len(words) <= 4 else set()


def is_generic(title: str) -> bool:
    """Return whether a title only numbers its column, such as ``Column1`` in a spreadsheet."""
    return bool(_GENERIC.fullmatch(title.casefold()))
