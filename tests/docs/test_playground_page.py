"""The page of the playground in headless Chromium: whether writers can use it, on every device and offline."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shutil

import pytest

from namegen import load_model, sample
from namegen.config import SamplingConfig
from playground import FOLDER, Page, serve
from support import make_model

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.slow

MAX_FIRST_BYTES = 2_500_000
ELVES = [
    *("Galadwen", "Thalion", "Nimroth", "Elrohir", "Arwen", "Celeborn", "Finrod", "Lúthien", "Idril", "Turgon"),
    *("Fëanor", "Maedhros", "Caranthir", "Amras", "Fingolfin", "Aredhel", "Eärwen", "Olwë", "Thingol", "Melian"),
]
WIDTHS = [360, 390, 768, 1280]


def wait_for_offline(page):
    page.wait(lambda: "works offline" in page["offline"].text)


# Cultures and kinds of names


def test_twenty_names_are_there_at_once(page):
    assert len({*page.names()}) == 20
    assert page["state"].text.startswith("20 names: English, surnames")


@pytest.mark.parametrize(
    ("culture", "kind", "category"),
    [
        ("Elven", "Women’s names", "Elven/female"),
        ("German", "Men’s names", "German/male"),
        ("Dwarven", "Surnames", "Dwarven/surname"),
        ("Russian", "Surnames, women", "Russian/surname-female"),
        ("English", "Places", "English/place"),
    ],
)
def test_a_culture_and_a_kind_give_names_of_the_category(page, culture, kind, category):
    page.choose("culture", culture)
    names = page.choose("kind", kind)
    seed = int(page.command()[-1])
    assert names == sample("people", category, count=20, unique=True, seed=seed)


def test_full_names_have_the_parts_and_the_order_of_the_culture(page):
    page.choose("kind", "Full names")
    names = page.choose("culture", "Hungarian")
    assert len(names) == 20
    assert all(" " in name for name in names)
    assert page.command()[:3] == ["namegen", "people", "Hungarian"]


def test_only_the_kinds_that_a_culture_has_are_offered(page):
    def kinds(culture):
        page.choose("culture", culture)
        return [option.text for option in page["kind"].find_elements("tag name", "option")]

    full = ["Full names", "Full names, women", "Full names, men"]
    assert kinds("Arabic") == [*full, "Women’s names", "Men’s names", "Surnames"]
    assert "Places" in kinds("Elven")
    assert {"Surnames, women", "Surnames, men"} < {*kinds("Russian")}
    assert kinds("Any culture") == [*full, "Surnames"]


def test_the_catalogue_of_the_page_has_every_category_of_the_models(page):
    catalogue = page.run('return (await fetch("catalogue.json")).json();')
    assert catalogue == {name: list(load_model(name).all_categories) for name in ("pretrained", "people")}


# Settings


def test_sliders_set_the_shares_of_a_blend(page):
    page.unfold()
    page["add"].click()
    page.wait_for_names()
    slider = page.browser.find_elements("css selector", "#shares input")[0]
    slider.send_keys(Keys.END)  # 10 of 15
    page.wait_for_names()
    outputs = [output.text for output in page.browser.find_elements("css selector", "#shares output")]
    assert outputs == ["67 %", "33 %"]
    (second,) = page.browser.find_elements("css selector", "#shares select")
    blend = f"English/surname:10+{second.get_attribute('value')}/surname:5"
    assert page.names() == sample("people", blend, count=20, unique=True, seed=int(page.command()[-1]))
    page.browser.find_element("css selector", "#shares button").click()
    page.wait_for_names()
    assert page["state"].text.startswith("20 names: English, surnames")


def test_every_setting_changes_the_names_as_it_says(page):
    page.unfold()
    page.fill("start", "Mar, Be")
    page.fill("end", "er")
    page.fill("shortest", "6")
    page.fill("longest", "9")
    page["novel"].click()
    names = page.generate()
    assert len(names) == 20
    assert [name.startswith("Mar") for name in names] == [True] * 10 + [False] * 10
    assert all(re.fullmatch("(Mar|Be).*er", name) and 6 <= len(name) <= 9 for name in names)
    assert {"--novel", "--min-length", "--max-length"} < {*page.command()}


def test_settings_of_single_names_are_shown_for_single_names_only(page):
    page.unfold()
    for kind, shown in (
        ("Full names", False),
        ("Surnames", True),
        ("Full names, women", False),
        ("Women’s names", True),
    ):
        page.choose("kind", kind)
        assert page["end"].is_displayed() is page["style"].is_displayed() is shown
        assert page["people-hint"].is_displayed() is not shown


def test_wildness_goes_from_typical_to_wild_in_words(page):
    page.unfold()
    page.open("cultures=German&seed=5")
    page.unfold()
    names, words = [], []
    page["style"].send_keys(Keys.HOME)
    for _ in range(5):
        page.wait_for_names()
        words.append(page["style-shown"].text)
        assert page["style"].get_attribute("aria-valuetext") == words[-1]
        names.append(tuple(page.names()))
        page["style"].send_keys(Keys.ARROW_RIGHT)
    assert words == ["Very typical", "Typical", "Balanced", "Adventurous", "Wild"]
    assert len({*names}) == 5
    model = load_model("pretrained")
    temperatures = [model.sampling.temperature if word == "Balanced" else None for word in words]
    assert temperatures.count(None) == 4
    assert "temperature 1.25" in page["style"].get_attribute("title")


@pytest.mark.parametrize(
    ("control", "text", "kind", "message"),
    [
        ("start", "☃", "Surnames", "No name can begin with “☃”"),
        ("start", ",".join("abcdefghijklmnopqrstu"), "Surnames", "Give at most 20 beginnings."),
        ("start", "Mar", "Full names", "Full names can only begin with single letters."),
        ("shortest", "0", "Surnames", "A length is a whole number from 1 to 40."),
        ("longest", "2.5", "Surnames", "A length is a whole number from 1 to 40."),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_the_names_stay(page, control, text, kind, message):
    page.choose("kind", kind)
    before = page.names(), page.settings()
    page.unfold()
    page.fill(control, text)
    page["invent"].click()
    page.wait_for_names()
    assert message in page["problem"].text
    assert (page.names(), page.settings()) == before
    page.fill(control, "")
    page.generate()


def test_a_wrong_setting_is_marked_and_gets_the_focus_even_if_it_is_folded(page):
    page.unfold()
    page.fill("shortest", "9")
    page.fill("longest", "5")
    page["more"].find_element("tag name", "summary").click()
    page["invent"].click()
    page.wait_for_names()
    assert page["problem"].aria_role == "alert"
    assert "at least 9 and at most 5 letters" in page["problem"].text
    assert page.browser.switch_to.active_element == page["longest"]
    assert page["longest"].get_attribute("aria-invalid") == "true"
    page.fill("longest", "12")
    page.generate()
    assert page["longest"].get_attribute("aria-invalid") is None


def test_few_possible_names_are_shown_with_the_reason(page):
    page.unfold()
    page.choose("culture", "Chinese")
    page.choose("kind", "Surnames")
    page.fill("start", "Che")
    page.fill("longest", "4")
    page["invent"].click()
    page.wait_for_names()
    names = page.names()
    assert 0 < len(names) < 20
    assert all(name.startswith("Che") for name in names)
    assert f"only {len(names)} different names" in page["problem"].text


# Keeping, copying, saving and sharing


def test_a_tap_keeps_a_name_also_for_the_next_visit(page):
    first, second = page.names()[:2]
    for chip in page.chips()[:2]:
        assert chip.get_attribute("aria-pressed") == "false"
        chip.click()
        assert chip.get_attribute("aria-pressed") == "true"
    assert page.names("kept") == [first, second]
    page.open()
    assert page.names("kept") == [first, second]
    assert page["kept-heading"].text == "Kept names (2)"
    page.chips("kept")[0].click()
    assert page.names("kept") == [second]
    assert page.browser.switch_to.active_element == page.chips("kept")[0]
    page["clear"].click()
    assert page.names("kept") == []
    assert page.browser.switch_to.active_element == page["kept-heading"]


def test_a_kept_name_is_marked_among_the_names_and_can_be_released_there(page):
    page.chips()[3].click()
    page.chips("kept")[0].click()
    assert page.chips()[3].get_attribute("aria-pressed") == "false"
    page.chips()[3].click()
    page.chips()[3].click()
    assert page.names("kept") == []


def allow_clipboard(page):
    permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": page.address}
    page.browser.execute_cdp_cmd("Browser.grantPermissions", permissions)


def test_all_names_and_the_kept_ones_are_copied(page):
    allow_clipboard(page)
    read = "return navigator.clipboard.readText();"
    page["copy"].click()
    page.wait(lambda: page["state"].text == "Copied 20 names.")
    assert page.run(read).splitlines() == page.names()
    page.chips()[0].click()
    page["copy-kept"].click()
    page.wait(lambda: page["state"].text == "Copied 1 name.")
    assert page.run(read).splitlines() == page.names()[:1]


def test_the_names_are_saved_as_csv(page, tmp_path):
    page.open("cultures=Elven:1%2BIrish:1&kind=full&seed=3")
    folder = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.browser.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
    page["download"].click()
    file = tmp_path / "names.csv"
    page.wait(file.exists)
    rows = [*csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))]
    assert [row["name"] for row in rows] == page.names()
    assert [row["from"] for row in rows] == ["Elven", "Irish"] * 10
    assert {row["kind"] for row in rows} == {"full name, female", "full name, male"}


def test_a_spreadsheet_takes_no_name_for_a_formula(page):
    items = [{"name": '=1+"2"', "from": "a,b"}, {"name": "-x", "from": ""}]
    text = page.run('return (await import("./sending.js")).csvOf(given[0]);', items)
    assert text == '\ufeffname,from,kind\r\n"\'=1+""2""","a,b",\r\n\'-x,,\r\n'


def test_a_shared_address_shows_the_same_names(page):
    allow_clipboard(page)
    page.unfold()
    page.fill("start", "B")
    page["style"].send_keys(Keys.END)
    names = page.choose("culture", "Polish")
    page["share"].click()
    page.wait(lambda: "address is copied" in page["state"].text)
    shared = page.run("return navigator.clipboard.readText();")
    page.choose("culture", "Irish")
    page.browser.get("about:blank")
    page.browser.get(shared)
    page.wait_for_names()
    assert page.names() == names
    assert page["start"].get_attribute("value") == "B"
    assert page["style-shown"].get_attribute("value") == "Wild"


def test_an_address_in_the_same_tab_shows_its_names(page):
    page.open("cultures=Polish&seed=4")
    polish = page.names()
    page.open()
    page.run("location.hash = 'cultures=Polish&kind=surname&seed=4';")
    page.wait(lambda: page.names() == polish)
    assert page["culture"].get_attribute("value") == "Polish"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("cultures=Klingon&seed=1", "“Klingon” is not a culture of this page."),
        ("cultures=Arabic&kind=place&seed=1", "There are no places for Arabic."),
        ("cultures=German&seed=-1", "A part of this address is missing or wrong."),
        ("cultures=German&seed=1&style=odd", "A part of this address is missing or wrong."),
        ("cultures=German:1%2BIrish:99&seed=1", "A part of this address is missing or wrong."),
        ("list=%%%&seed=1", "A part of this address is missing or wrong."),
        ("list=AAAA&seed=1", "A part of this address is missing or wrong."),
        ("model=mine.safetensors&seed=1", "This address needs the model mine.safetensors."),
    ],
)
def test_a_wrong_address_is_refused_in_a_line_and_the_page_works(page, settings, message):
    page.open(settings)
    assert message in page["problem"].text
    assert page.names() == []
    page.choose("culture", "German")
    assert len(page.generate()) == 20


# Your own list


def test_a_pasted_list_gives_names_in_its_style_at_once(page, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = page.paste("\n".join(ELVES))
    assert page["state"].text.startswith("20 names like your list")
    (tmp_path / "names.txt").write_text("\n".join(ELVES), encoding="utf-8")
    assert names == cli(*page.command()[1:]).out.splitlines()
    page.open(page.settings())
    assert page.names() == names
    assert page["list"].get_attribute("value").splitlines() == ELVES


def test_a_file_gives_names_in_its_style_whether_chosen_or_dropped(page, tmp_path):
    (tmp_path / "elves.txt").write_text("\n".join(f"- {name}" for name in ELVES), encoding="utf-8")
    page.use_list()
    assert page["problem"].text == ""
    assert page.open_file(tmp_path / "elves.txt", "file").startswith("20 names like elves")
    assert page["notes"].text == "Removed bullets, such as “-”."
    page.open()
    page.run(
        """
        const data = new DataTransfer();
        data.items.add(new File([given[0]], "orcs.txt"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        """,
        "\n".join(ELVES),
    )
    page.wait(lambda: page["state"].text.startswith("20 names like orcs"))


def test_a_list_is_mixed_with_a_culture(page, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page.paste("\n".join(ELVES))
    page.unfold()
    names = page.choose("mix", "Irish")
    (tmp_path / "names.txt").write_text("\n".join(ELVES), encoding="utf-8")
    assert page.command()[1:3] == ["sample", "Irish"]
    assert names == cli(*page.command()[1:]).out.splitlines()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"PK", "a.docx is not a plain list."),
        ("a.txt", b"Zo\xeb\nJos\xe9", "a.txt is not text in UTF-8."),
        ("a.txt", b"\n\n", "Paste some names first"),
        ("a.txt", b"x" * 5_000_001, "a.txt is too large."),
    ],
)
def test_a_file_that_is_not_a_list_is_refused_in_a_line(page, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    page.use_list()
    assert message in page.open_file(tmp_path / name, "file")
    assert len(page.names()) == 20


def test_a_list_too_long_for_an_address_says_so_when_it_is_shared(page):
    allow_clipboard(page)
    page.paste("\n".join(sample("pretrained", count=6000, seed=1)))
    assert page.settings() == ""
    page["share"].click()
    page.wait(lambda: page["problem"].text)
    assert page["problem"].text == "The list is too long for an address. Send its file instead."


# Looking inside


def test_looking_inside_shows_the_probable_letters_of_each_step(page):
    page.open("cultures=German&seed=7")
    page.unfold("inside")
    name = page.names()[0]
    page.wait(lambda: page["steps"].find_elements("tag name", "caption"))
    assert page["steps"].find_element("tag name", "caption").text == f"How {name} forms"
    rows = page["steps"].find_elements("css selector", "tbody tr")
    assert [row.find_element("tag name", "th").text for row in rows] == [
        "(start)",
        *(name[:end] for end in range(1, len(name) + 1)),
    ]
    chosen = [row.find_elements("css selector", ".chosen bdi") for row in rows]
    assert [[cell.text for cell in cells] for cells in chosen] == [[letter] for letter in (*name, "end")]
    steps = page.run(
        """
        const { Client } = await import("./client.js");
        return new Client().explain({ category: "German", name: given[0] });
        """,
        name,
    )
    for row, step in zip(rows, steps, strict=True):
        shown = [cell.text for cell in row.find_elements("css selector", "td small")][:5]
        expected = [letter["probability"] for letter in step["letters"][:5]]
        assert shown == [f"{round(100 * each)} %" if each >= 0.005 else "<1 %" for each in expected]


def test_looking_inside_works_for_full_names_and_lists_and_says_why_not(page):
    page.open("cultures=Elven&kind=full&seed=7")
    page.unfold("inside")
    page.wait(lambda: page["steps"].text)
    assert page["which"].text.split()[0] == page.names()[0].split()[0]
    page.paste("\n".join(ELVES))
    page.wait(lambda: page.names()[0] in page["steps"].text)
    page.open("cultures=Chinese&kind=female&seed=7")
    page.unfold("inside")
    page.wait(lambda: page["inside-problem"].text)
    assert "has known names only" in page["inside-problem"].text


# On every device


@pytest.mark.parametrize("settings", ["", "cultures=English&kind=full&seed=1"])
def test_the_first_names_and_the_button_fit_on_the_screen_of_a_phone(page, settings):
    page.open(settings, width=360, height=640)
    inside = "const { top, bottom } = given[0].getBoundingClientRect(); return top >= 0 && bottom <= innerHeight;"
    assert page.run(inside, page["invent"])
    assert sum(page.run(inside, chip) for chip in page.chips()) >= (10 if not settings else 5)
    assert page["more"].get_attribute("open") is None
    page.paste("\n".join(ELVES))
    assert page.run(inside, page["invent"])
    assert sum(page.run(inside, chip) for chip in page.chips()) >= 6


@pytest.mark.parametrize("width", [320, *WIDTHS])
def test_nothing_is_wider_than_the_screen(page, width, tmp_path):
    def assert_fits():
        content, room = page.run(
            "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth];"
        )
        assert content <= room <= width
        assert page.run("return innerWidth;") == width

    page.open("cultures=Brazilian&kind=full&seed=1", width=width)
    page.unfold()
    for _ in range(3):
        page["add"].click()
    page.wait_for_names()
    page.chips()[0].click()
    page.unfold("inside")
    page.unfold("programmers")
    page.wait(lambda: page["steps"].text)
    assert_fits()
    long = make_model(letters="W", categories=("Donaudampfschifffahrtsgesellschaftskapitän" * 3,))
    long.weights["head.bias"][:] = 8, 0
    long = dataclasses.replace(long, sampling=SamplingConfig(temperature=0.0), longest=200)
    long.save(tmp_path / f"{'a' * 80}.safetensors")
    page.open_file(tmp_path / f"{'a' * 80}.safetensors")
    page.fill("start", "W" * 90)
    page["invent"].click()
    page.wait(lambda: page.names() == ["W" * 110])
    page.wait_for_names()
    assert "There is only 1 name" in page["problem"].text
    assert_fits()


def start_afresh(page):
    """Forget all that the browser has stored of the page."""
    page.run(
        """
        for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
        for (const key of await caches.keys()) await caches.delete(key);
        """
    )
    page.browser.get("about:blank")
    page.browser.execute_cdp_cmd("Network.clearBrowserCache", {})


SHIFTS = """
    return new Promise((resolve) => {
      let sum = 0;
      new PerformanceObserver((list) => {
        for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
      }).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 500);
    });
"""


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_while_the_page_loads(page, width):
    start_afresh(page)
    page.open(width=width, height=640)
    wait_for_offline(page)
    assert page.run(SHIFTS) < 0.001


def test_targets_are_large_enough_for_fingers_and_phones_do_not_zoom(page):
    page.open(width=360, height=640)
    page.unfold()
    page["add"].click()
    page.wait_for_names()
    page.chips()[0].click()
    selector = "select, button, summary, textarea, .tabs label, .choice, input:not([type=radio], [type=checkbox])"
    for control in page.browser.find_elements("css selector", selector):
        if control.is_displayed():
            assert control.size["height"] >= 24, control.get_attribute("outerHTML")
    for control in page.browser.find_elements("css selector", "select, textarea, input[type=text], input[type=number]"):
        assert float(control.value_of_css_property("font-size")[:-2]) >= 16  # below, phones zoom in


# For everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(page, scheme, width):
    axe = pytest.importorskip("axe_core_python.base", reason="axe-core-python is not installed")
    script = axe.AXE_FILE_PATH.read_text(encoding="utf-8")

    def assert_accessible():
        page.browser.execute_script(script)
        result = page.run("return axe.run({ resultTypes: ['violations', 'incomplete'] });")
        assert len(result["passes"]) > 20
        found = [
            (rule["id"], node["html"][:200], node.get("failureSummary", "")[:300])
            for rule in result["violations"]
            for node in rule["nodes"]
        ]
        assert found == []

    page.open("cultures=German:2%2BIrish:1&seed=1", width=width)
    page.look(width, prefers_color_scheme=scheme)
    page.chips()[0].click()
    for fold in ("more", "inside", "programmers"):
        page.unfold(fold)
    page.wait(lambda: page["steps"].text)
    assert_accessible()
    page.fill("start", "☃")
    page["invent"].click()
    page.wait_for_names()
    assert page["problem"].text
    assert_accessible()
    page.fill("start", "")
    page.paste("\n".join(ELVES))
    page.run('document.getElementById("update").hidden = false;')
    assert_accessible()


def test_everything_works_with_the_keyboard_alone(page):
    def press(*keys):
        for key in keys:
            webdriver.ActionChains(page.browser).send_keys(key).perform()

    def focused():
        return page.browser.switch_to.active_element

    page.open("cultures=English&seed=1", width=390)
    press(Keys.TAB)
    assert focused().get_attribute("name") == "source"
    press(Keys.TAB, "Ger")
    assert focused() == page["culture"]
    page.wait_for_names()
    press(Keys.TAB, Keys.TAB)
    assert focused() == page["invent"]
    press(Keys.SPACE)
    page.wait_for_names()
    assert page["state"].text.startswith("20 names: German, surnames")
    assert focused() == page["invent"]
    press(
        Keys.TAB, Keys.ENTER, Keys.TAB, Keys.TAB, "S", Keys.TAB, Keys.ENTER
    )  # settings, “Add a culture”, “Begins with”
    page.wait_for_names()
    assert all(name.startswith("S") for name in page.names())
    while focused() != page.chips()[0]:
        press(Keys.TAB)
    press(Keys.SPACE, Keys.TAB, Keys.ENTER)
    assert page.names("kept") == page.names()[:2]


def test_every_control_has_a_role_and_a_name_of_its_own(page):
    page.unfold()
    page["add"].click()
    page.wait_for_names()
    page.unfold("inside")
    controls = page.browser.find_elements("css selector", "form input, form select, form button, #inside select")

    def is_tab(control):  # transparent, over its label
        return control.get_attribute("name") == "source"

    found = [
        (control.accessible_name.strip(), control.aria_role)
        for control in controls
        if control.is_displayed() or is_tab(control)
    ]
    assert len(found) == len({*found}) == 18
    assert all(name for name, _ in found)
    assert {
        ("Culture", "combobox"),
        ("Kind of name", "combobox"),
        ("How wild", "slider"),
        ("at least", "spinbutton"),
    } < {*found}
    assert {("Cultures", "radio"), ("Your own list", "radio"), ("Share of English", "slider")} < {*found}


def test_screen_readers_hear_how_many_names_there_are_and_then_the_names(page):
    assert page["state"].aria_role == "status"
    assert page["problem"].aria_role == "alert"
    names = page.generate()
    said = page.run("return document.getElementById('state').textContent;")
    assert said == f"20 names: English, surnames: {', '.join(names)}"
    assert page["names"].get_attribute("aria-busy") is None


def test_the_focus_is_seen(page):
    for _ in range(3):
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        focused = page.browser.switch_to.active_element
        seen = page.run("return given[0].matches('.tabs input') ? given[0].nextElementSibling : given[0];", focused)
        assert seen.value_of_css_property("outline-style") == "solid"
        assert seen.value_of_css_property("outline-width") == "3px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_a_light_and_a_dark_page(page, scheme):
    page.look(800, prefers_color_scheme=scheme)
    ground = page.browser.find_element("tag name", "body").value_of_css_property("background-color")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 380) == (scheme == "light")


def test_a_category_and_a_name_of_a_stranger_are_text_and_not_markup(page, tmp_path):
    image = "<img src=x onerror=alert(1)>"
    make_model(letters="W", categories=(image, "Y")).save(tmp_path / "m.safetensors")
    page.open_file(tmp_path / "m.safetensors")
    assert image in page["culture"].text
    page.paste("\n".join([image] * 2 + ["<b>x</b>", "<b>y</b>", "<i>Bob</i>"]))
    assert page.browser.find_elements("css selector", "img, main b, main i") == []


# Without a server


def test_the_page_loads_nothing_from_elsewhere(page, address):
    loaded = page.run("return performance.getEntriesByType('resource').map(({ name }) => name);")
    assert len(loaded) >= 10
    assert all(name.startswith(address) for name in loaded)
    for file in FOLDER.iterdir():
        assert not re.search(r"(src|href|import|from|url\()\W*(https?:)?//", file.read_text(encoding="utf-8")), file


def test_settings_and_lists_are_not_sent_to_the_server(browser):
    requested = []
    with serve(requested=requested) as (address, _):
        page = Page(browser, address)
        page.paste("\n".join(ELVES))
        page.open(page.settings())
        page.open("cultures=German&seed=1")
        wait_for_offline(page)
    assert {path.lstrip("/") for path in requested} <= {"", "sw.js", "version.js", *all_files()}


def all_files():
    data = ("pretrained.safetensors.gz", "people.safetensors.gz", "catalogue.json", "spellings.txt.gz", "offensive.txt")
    return {*data, *(file.name for file in FOLDER.iterdir())}


def test_few_bytes_are_loaded_before_the_first_names_and_people_only_when_needed(browser):
    requested = []
    with serve(requested=requested) as (address, _):
        page = Page(browser, address)
        assert len(page.names()) == 20
        size = page.run(
            """
            let size = 0;
            for (const name of given[0]) size += (await (await fetch(name)).arrayBuffer()).byteLength;
            return size;
            """,
            sorted({*requested} - {"/sw.js", "/version.js"}),
        )
        assert 1_000_000 < size < MAX_FIRST_BYTES
        assert "/people.safetensors.gz" not in requested
        page.choose("kind", "Full names")
        assert "/people.safetensors.gz" in requested


def test_loading_shows_its_progress(page):
    page.run("window.progress = new (await import('./progress.js')).Progress();")
    page.run("progress.show({ file: 'people.safetensors.gz', loaded: 2_100_000, total: 5_600_000 });")
    assert page["progress"].is_displayed()
    assert page["progress"].get_attribute("value") == "2100000"
    assert page["progress"].accessible_name == "Loading the names of all cultures: 2.1 of 5.6 MB"
    assert page["figures"].text == "2.1 of 5.6 MB"
    page.run("progress.hide();")
    assert not page["progress"].is_displayed()


def test_once_loaded_the_page_works_offline_with_the_models_that_were_used(browser):
    with serve() as (address, stop):
        page = Page(browser, address)
        wait_for_offline(page)
        page.choose("kind", "Full names")
        page.wait(
            lambda: page.run(
                "const cache = await caches.open((await caches.keys())[0]);"
                "return (await cache.keys()).some(({ url }) => url.includes('people'));"
            )
        )
        page.open("cultures=Elven&kind=full&seed=1")
        online = page.names()
        stop()
        page.open("cultures=Elven&kind=full&seed=1")
        assert page.names() == online
        page.open("cultures=German&seed=1")
        assert page.names() == sample("pretrained", "German", count=20, unique=True, seed=1)
    assert page.logged() == []


def test_offline_without_the_model_that_is_needed_the_page_says_so(browser):
    with serve() as (address, stop):
        page = Page(browser, address)
        wait_for_offline(page)
        stop()
        page.open()
        assert len(page.names()) == 20
        page.choose("kind", "Full names")
        assert page["problem"].text == (
            "Cannot load people.safetensors.gz: the server did not answer. Check the connection, and try again."
        )
        browser.get_log("browser")  # the request that failed


def test_a_new_version_replaces_the_old_one_whole(browser, tmp_path):
    folder = tmp_path / "playground"
    shutil.copytree(FOLDER, folder)
    with serve(folder) as (address, _):
        page = Page(browser, address)
        wait_for_offline(page)
        for name in ("index.html", "names.js", "catalogue.js"):
            text = (folder / name).read_text(encoding="utf-8")
            new = text.replace("<h1>Name generator", "<h1>Newer").replace('"Full names"', '"Newer names"')
            (folder / name).write_text(new.replace('className = "name"', 'className = "name newer"'), encoding="utf-8")
        page.open("cultures=German&seed=1")
        assert page.browser.find_element("tag name", "h1").text == "Name generator"  # still the old version, whole
        assert page.browser.find_elements("css selector", ".newer") == []
        page.wait(page["update"].is_displayed)
        page["reload"].click()
        page.wait(lambda: page.browser.find_element("tag name", "h1").text == "Newer")
        page.wait_for_names()
        assert len(page.browser.find_elements("css selector", ".newer")) == 20
        assert page["kind"].text.startswith("Newer names")
        assert page.names() == sample("pretrained", "German", count=20, unique=True, seed=1)  # the address stayed
        stored = page.run(
            "const cache = await caches.open((await caches.keys())[0]);"
            "return (await cache.keys()).filter(({ url }) => url.includes('/names.js')).length;"
        )
        assert stored == 1


def test_a_version_with_a_file_of_another_version_is_not_used(browser):
    def spoil(version):
        return re.sub(rb'("errors\.js": ")\w{4}', rb"\g<1>0000", version)

    with serve(spoil_version=spoil) as (address, _):
        page = Page(browser, address)
        page.wait(lambda: "needs a connection" in page["offline"].text)
        assert len(page.generate()) == 20
    browser.get_log("browser")  # why the worker was not installed
