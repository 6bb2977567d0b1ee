"""Light and dark, narrow, printed, without JavaScript: the page holds what it holds and loses nothing."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open

PAGE = "body"


@pytest.mark.parametrize(("preferred", "other"), [("light", "dark"), ("dark", "light")])
def test_colours_follow_the_reader_until_the_button_turns_them_over(
    open_page: Open, preferred: str, other: str
) -> None:
    opened = open_page("small", color_scheme=preferred)
    beside = open_page("small", color_scheme=other)
    before, wanted = opened.style(PAGE, "backgroundColor"), beside.style(PAGE, "backgroundColor")
    assert before != wanted
    button = opened.page.get_by_role("button", name=f"{other} colours")
    button.click()
    assert opened.style(PAGE, "backgroundColor") == wanted
    assert opened.style(".address b", "color") == beside.style(".address b", "color")
    opened.page.get_by_role("button", name=f"{preferred} colours").click()
    assert opened.style(PAGE, "backgroundColor") == before


@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1600])
@pytest.mark.parametrize("name", ["small", "everything", "hostile"])
def test_nothing_is_wider_than_the_window(open_page: Open, name: str, width: int) -> None:
    opened = open_page(name, viewport={"width": width, "height": 800})
    opened.page.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width
    script = """() => [...document.querySelectorAll("summary *, .body *, .blocked *")].filter((one) =>
        one.checkVisibility() && !one.closest(".unseen, .scroll") && one.getBoundingClientRect().right > innerWidth + 1
    ).map((one) => one.outerHTML.slice(0, 200))"""
    assert opened.page.evaluate(script) == []


def test_on_a_phone_both_sides_of_a_field_stand_under_one_another(open_page: Open) -> None:
    for width, beside in ((1280, True), (390, False)):
        opened = open_page("small", viewport={"width": width, "height": 844})
        address = opened.expected(lambda change: len(change["fields"]) > 2)[0]
        opened.row(address).locator("> summary").click()
        before = opened.row(address).locator("td.before").first.bounding_box()
        after = opened.row(address).locator("td.after").first.bounding_box()
        assert before and after
        assert (before["y"] == after["y"]) is beside
        assert (before["x"] == after["x"]) is not beside


def test_print_opens_every_change_and_hides_what_only_a_screen_can_use(open_page: Open) -> None:
    opened = open_page("small")
    assert opened.unfolded() == []
    opened.page.emulate_media(media="print")
    assert opened.unfolded() == opened.changing
    assert opened.visible() == opened.expected(lambda change: True)
    assert not opened.page.get_by_role("searchbox").is_visible()
    assert not opened.page.locator("#theme").is_visible()
    assert opened.page.locator(".sent pre:visible").count() == 0
    opened.page.emulate_media(media="screen")
    assert opened.unfolded() == []


def test_a_browser_that_cannot_open_folds_for_print_by_style_has_them_opened_and_folded_again(open_page: Open) -> None:
    opened = open_page("small")
    opened.row(opened.changing[0]).locator("> summary").click()
    opened.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert set(opened.changing) <= set(opened.unfolded())
    opened.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert opened.unfolded() == [opened.changing[0]]


def test_print_keeps_what_was_chosen(open_page: Open) -> None:
    opened = open_page("small")
    opened.filter("cancel").click()
    wanted = opened.visible()
    opened.page.emulate_media(media="print")
    assert opened.visible() == opened.unfolded() == wanted


def test_without_javascript_rows_unfold_and_no_control_pretends_to_work(open_page: Open) -> None:
    opened = open_page("small", java_script_enabled=False)
    rows = opened.page.locator("details.change")
    shown = [rows.nth(at).get_attribute("id") for at in range(rows.count()) if rows.nth(at).is_visible()]
    assert shown == opened.changing
    row = opened.row(opened.changing[2])
    row.locator("> summary").click()
    assert row.locator("table.fields").is_visible()
    assert not opened.page.locator("#search").is_visible()
    buttons = opened.page.locator("button:visible")
    assert buttons.count() == 6
    assert [at for at in range(6) if buttons.nth(at).is_enabled()] == []
    opened.page.locator("#unchanged > summary").click()
    assert opened.row(opened.expected(lambda change: change["action"] == "noop")[0]).is_visible()


def test_a_plan_without_changes_says_so_and_offers_nothing_to_unfold(open_page: Open) -> None:
    opened = open_page("quiet")
    told = opened.page.locator(".headline").inner_text()
    assert told == "No changes. 1 run that ended is kept as it is: CustomJob/ended-kept."
    assert opened.page.get_by_text("Nothing to do.").is_visible()
    assert opened.visible() == []
    opened.page.keyboard.press("j")
    opened.page.keyboard.press("e")
    assert opened.unfolded() == []


def test_a_reader_by_ear_finds_landmarks_names_and_states(open_page: Open) -> None:
    opened = open_page("everything")
    page = opened.page
    for role in ("banner", "main", "search", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["vision-training"]
    assert page.get_by_role("region", name="Blocked by 2 guards").is_visible()
    assert page.get_by_role("group", name="Show only").get_by_role("button").count() == 6
    assert page.get_by_role("button", name="2 replace", pressed=False).count() == 1
    assert page.get_by_role("searchbox", name="Search address, file and reason").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    nameless = "() => [...document.querySelectorAll('button, a, input')].filter((one) => !one.textContent && !one.labels?.length)"
    assert page.evaluate(f"({nameless})().length") == 0
