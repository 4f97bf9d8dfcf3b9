"""The page in a real browser: inert, accessible, usable by mouse and keyboard, in every size and colour."""

import base64
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pse_preflight.report.facts import Result
from pse_preflight.report.page import render
from tests.kit import report_facts as facts
from tests.report.test_page import HOSTILE, hostile

AXE = Path(__file__).parent / "linters" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)

pytestmark = pytest.mark.long

Browser = Any
"""Selenium's own types are only at hand where it is installed."""


def _missing(what: str) -> None:
    """Skip what cannot be tested here; where it has to be, fail."""
    if os.environ.get("PREFLIGHT_MUST_NOT_SKIP"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        _missing("Chromium or its driver (Debian: chromium, chromium-driver)")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        _missing("selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Any:
    """Return a function that opens a page in the browser."""

    def opened(result: Result) -> Browser:
        page = tmp_path / "trust.html"
        page.write_text(render(result), encoding="utf-8")
        browser.get_log("browser")
        browser.get(page.as_uri())
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture
def everything() -> Result:
    """Return a result that shows every part of the page."""
    ended = facts.certificate("server", "server", not_after="2026-11-13T00:00:00+00:00", codes=("CERTIFICATE_EXPIRED",))
    minor = facts.found("URL_UNUSUAL", severity="minor", fix_commands=(), message="URL_UNUSUAL: x")
    decisive = facts.found("CERTIFICATE_EXPIRED")
    return facts.result(
        facts.good("DEV", findings=(minor,), changes=("the intermediate was replaced on 2026-11-20: a by b",)),
        facts.bad(
            "PRD",
            finding=decisive,
            findings=(decisive, minor),
            chain=(ended, *facts.system().chain[1:]),
            origin="recorded on vm as root at 2026-11-23 12:00 UTC, unauthenticated",
            labels=(("x-ticket", "CHG0042"),),
        ),
        facts.bad("QAS", chain=facts.system().chain[:1], missing="Issuing", extras=("Other",), others=("CN=Else",)),
        at="2027-03-01",
        replay="/old",
    )


def _dark(browser: Browser) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def _phone(browser: Browser) -> None:
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _print(browser: Browser) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})


def _find(browser: Browser, selector: str) -> list[Any]:
    return list(browser.find_elements("css selector", selector))


def _violations(browser: Browser) -> list[str]:
    """Run every rule of axe, the best practices and the experimental ones too."""
    if not AXE.is_file():
        _missing("axe-core (npm ci --prefix tests/outside/linters)")
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "const done = arguments[0];"
        "const rules = Object.fromEntries(axe.getRules().map(rule => [rule.ruleId, {enabled: true}]));"
        "axe.run(document, {rules, resultTypes: ['violations']}).then(done, error => done({error: String(error)}));"
    )
    assert "error" not in found, found
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


LOOKS = {"light": lambda _: None, "dark": _dark, "phone": _phone}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_axe_finds_nothing(show: Any, everything: Result, look: Any) -> None:
    browser = show(everything)
    look(browser)
    for details in _find(browser, "details"):
        browser.execute_script("arguments[0].open = true", details)
    assert _violations(browser) == []


def test_axe_finds_what_is_wrong(show: Any, everything: Result) -> None:
    browser = show(everything)
    browser.execute_script("document.documentElement.lang = ''; document.querySelector('h1').style.color = '#b02035'")
    assert {each.partition(":")[0] for each in _violations(browser)} >= {"html-has-lang"}


def test_the_page_breaks_no_rule_of_its_policy(show: Any, everything: Result) -> None:
    assert show(everything).get_log("browser") == []


def test_the_policy_refuses_what_slips_in(show: Any, everything: Result) -> None:
    browser = show(everything)
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
    browser.refresh()
    browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.slipped = true';"
        "document.body.append(script); const image = new Image(); document.body.append(image);"
        "image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';"
    )
    assert browser.execute_script("return window.slipped") is None
    assert "Content Security Policy" in " ".join(each["message"] for each in browser.get_log("browser"))


def test_hostile_texts_are_texts(show: Any) -> None:
    browser = show(facts.result(hostile(), host=HOSTILE, engine=HOSTILE))
    assert not _find(browser, "img")
    assert len(_find(browser, "script")) == 1
    assert HOSTILE in browser.find_element("css selector", "main").text
    browser.find_element("css selector", "button[data-copy]").click()
    assert browser.find_element("id", "said").text == "Copied."
    assert browser.get_log("browser") == []


def test_a_click_copies_the_fix(show: Any) -> None:
    browser = show(facts.result(facts.bad()))
    browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    button = browser.find_element("css selector", "button[data-copy]")
    assert button.accessible_name == "Copy the fix for ROOT_NOT_IN_PSE"
    button.click()
    assert browser.find_element("id", "said").get_attribute("textContent") == "Copied."
    copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == "sapgenpse maintain_pk -a root.pem -p client.pse"


def test_a_click_copies_where_the_clipboard_is_not_given(show: Any) -> None:
    browser = show(facts.result(facts.bad()))
    browser.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    browser.find_element("css selector", "button[data-copy]").click()
    assert browser.find_element("id", "said").get_attribute("textContent") in {"Copied.", "Press Ctrl+C to copy."}
    assert browser.execute_script("return String(getSelection())").startswith("sapgenpse maintain_pk")


def test_a_click_leads_from_the_overview_to_the_system(show: Any, everything: Result) -> None:
    browser = show(everything)
    browser.find_element("link text", "QAS").click()
    assert browser.current_url.endswith("#system-2")
    assert browser.execute_script("return document.querySelector(':target h2').textContent") == "QAS"


def test_a_click_leads_to_a_system_that_is_folded_and_opens_it(show: Any, everything: Result) -> None:
    browser = show(everything)
    assert not browser.find_element("css selector", "#system-3 .chain").is_displayed()
    browser.find_element("css selector", ".healthy-rows summary").click()
    browser.find_element("link text", "DEV").click()
    assert browser.current_url.endswith("#system-3")
    assert browser.find_element("css selector", "#system-3 .chain").is_displayed()


def test_a_click_opens_all_checks(show: Any, everything: Result) -> None:
    browser = show(everything)
    details = _find(browser, "#system-1 details")[0]
    assert not details.find_element("css selector", "table").is_displayed()
    details.find_element("css selector", "summary").click()
    assert "chain is valid" in details.find_element("css selector", "table").text


def test_everything_that_acts_can_be_reached_by_keyboard(show: Any, everything: Result) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser = show(everything)
    wanted = {each.id for each in _find(browser, "a, summary, button, [tabindex='0']")}
    reached = []
    for _ in range(len(wanted) + 5):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        active = browser.switch_to.active_element
        if active.tag_name == "body":  # behind the last element the browser's own bar is next
            continue
        reached.append(active.id)
        assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active) != "none"
        if wanted <= set(reached):
            break
    folded = "details:not([open]) > :not(summary)"
    hidden = {each.id for each in _find(browser, f"{folded} :is(a, summary, button, [tabindex='0'])")}
    hidden |= {each.id for each in _find(browser, f"{folded}:is(a, summary, button, [tabindex='0'])")}
    assert wanted - hidden <= set(reached)


def test_the_keyboard_copies(show: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = show(facts.result(facts.bad()))
    browser.find_element("css selector", "button[data-copy]").send_keys(Keys.ENTER)
    assert browser.find_element("id", "said").get_attribute("textContent") == "Copied."


def test_without_scripts_everything_is_there_but_the_buttons(show: Any, browser: Browser, everything: Result) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    shown = show(everything)
    assert not [each for each in _find(shown, "button") if each.is_displayed()]
    assert "sapgenpse maintain_pk -a root.pem" in shown.find_element("css selector", "main").text


@pytest.mark.parametrize("look", [_phone, lambda _: None], ids=["phone", "desk"])
def test_only_tables_and_commands_scroll_sideways(show: Any, look: Any) -> None:
    browser = show(facts.result(hostile(), facts.bad("B" * 64, pse="/a" * 200)))
    look(browser)
    wide = browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


def test_dark_is_dark_and_light_is_light(show: Any, everything: Result) -> None:
    browser = show(everything)
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(ground)
    _dark(browser)
    assert (light, browser.execute_script(ground)) == ("rgb(244, 246, 249)", "rgb(16, 21, 28)")


A4 = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}


def _pages(browser: Browser) -> int:
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", A4)["data"])
    return len(re.findall(rb"/Type\s*/Page\b", printed))


def _many(red: int, every: int) -> Result:
    """Return as many systems, the first of them red in ways that fill a page."""
    long = " ".join(["what was seen of this certificate on this host"] * 6)
    codes = ("ROOT_NOT_IN_PSE", "CERTIFICATE_EXPIRED", "PORT_REFUSED")
    findings = [
        facts.found(code, observed=long, fix_commands=(f"/opt/tool maintain_pk -a {'x' * 90}.pem",)) for code in codes
    ]
    minor = tuple(facts.found(f"URL_{name}", severity="minor", fix_commands=()) for name in ("UNUSUAL", "PLACEHOLDER"))
    bad = [
        facts.bad(f"R{number:02}", finding=findings[number % 3], findings=(findings[number % 3], *minor))
        for number in range(red)
    ]
    good = (facts.good(f"S{number:02}-production", findings=minor) for number in range(every - red))
    return facts.result(*bad, *(replace(each, remark="PSE created, not yet confirmed by SAP's tool") for each in good))


@pytest.mark.parametrize(("red", "every"), [(0, 1), (1, 1), (2, 5), (9, 60), (0, 60), (20, 60)])
def test_it_prints_on_two_pages_and_one_for_each_red_system(show: Any, red: int, every: int) -> None:
    assert _pages(show(_many(red, every))) <= 2 + red


def test_printed_the_commands_are_whole_and_no_button_is_left(show: Any, everything: Result) -> None:
    browser = show(everything)
    _print(browser)
    assert not [each for each in _find(browser, "button") if each.is_displayed()]
    commands = [each for each in _find(browser, "section.system pre") if each.is_displayed()]
    assert len(commands) == 2
    cut = "return arguments[0].scrollWidth > arguments[0].clientWidth"
    assert not [each for each in commands if browser.execute_script(cut, each)]
    assert browser.find_element("css selector", "footer").is_displayed()


def test_on_a_phone_the_red_cell_is_on_the_screen(show: Any) -> None:
    browser = show(_many(9, 60))
    _phone(browser)
    cells = _find(browser, ".glance td.failed")
    assert len(cells) == 9
    assert all(each.rect["x"] > 0 and each.rect["x"] + each.rect["width"] <= 360 for each in cells)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360


def test_the_timeline_is_drawn_in_order(show: Any, everything: Result) -> None:
    browser = show(everything)
    browser.execute_script("document.getElementById('system-3').open = true")
    left = {
        kind: browser.find_element("css selector", f"#system-3 .line.{kind}").rect["x"]
        for kind in ("today", "at", "end")
    }
    assert left["today"] < left["at"] < left["end"]
    ended = browser.find_element("css selector", "#system-1 .bar.ended").rect
    break_line = browser.find_element("css selector", "#system-1 .line.break").rect
    assert abs(ended["x"] + ended["width"] - break_line["x"]) < 4
    drawing = browser.find_element("css selector", "#system-1 [role=img]")
    assert "broken since 2026-11-13" in drawing.accessible_name
