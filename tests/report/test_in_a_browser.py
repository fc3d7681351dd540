"""report.html in a real browser: it asks nobody for anything, reads well everywhere, and no name gets out of place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from raymesh.evidence.html import page as made
from raymesh.evidence.record import Failure, Record, SubjectPod
from raymesh.evidence.text import printable
from tests.report.browser import found, started
from tests.report.many import large
from tests.unit.evidence.records import EDGES, EMPTY, GREEN, PLAINTEXT, RED, SEEN, SIGHTS, fault, judgement

pytestmark = pytest.mark.report

WHOLE = replace(GREEN, sights=replace(SIGHTS, edges=SIGHTS.edges[:1], ports=SIGHTS.ports[:1], missing={}))
PARTIAL = replace(
    RED,
    status="interrupted",
    ended=None,
    platform=None,
    phases=(),
    faults=(),
    sights=replace(SIGHTS, traces=(), edges=()),
)
RECORDS = {"green": WHOLE, "red": SEEN, "partial": PARTIAL, "large": large(), "empty": EMPTY}
ANSWERS = {"green": "Proven", "empty": "No proof"}
FILES = ("raw/kiali-graph.json", "bundles/test_kiali/pods.yaml")
MOST_BYTES, MOST_BYTES_LARGE, MOST_SECONDS = 2**20, 3 * 2**20, 10.0  # the last on two busy cores; alone it is below one
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
IS_SHOWN_TO_HAVE_IT = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
HOSTILE = [
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "' onmouseover='window.hit = 1' autofocus onfocus='window.hit = 1",
    "</title></svg></style><script>window.hit = 1</script>",
    "javascript:window.hit=1",
    "\u202egnp.exe\u2066\u200f",
    "a\x00b\x1b[2J\x07\u2028c",
    "x" * 400,
]


@dataclass
class Shown:
    """A page that is open, and what the browser said and asked for since."""

    page: Page
    file: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(found(tmp_path_factory.mktemp("browser"))) as running:
        yield running


def show(browser: Browser, folder: Path, record: Record, *, against: Record | None = None, **context: Any) -> Shown:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    file = folder / "report.html"
    file.write_text(made(record, against, FILES), encoding="utf-8")
    options: dict[str, Any] = {"viewport": DESK, **context}
    page = browser.new_context(**options).new_page()
    shown = Shown(page, file)
    page.on("console", lambda message: shown.said.append(message.text))
    page.on("pageerror", lambda error: shown.said.append(str(error)))
    page.on("request", lambda request: shown.asked.append(request.url))
    page.goto(file.as_uri())
    return shown


@pytest.fixture(params=RECORDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def close(shown: Shown) -> None:
    shown.page.context.close()


def test_it_renders_says_nothing_and_asks_nobody(
    browser: Browser, name: str, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    shown = show(browser, tmp_path, RECORDS[name], against=GREEN)
    expect(shown.page.locator("h1")).to_be_visible()
    expect(shown.page.locator(".answer strong")).to_have_text(ANSWERS.get(name, "Not proven"))
    assert shown.said == []
    assert [url for url in shown.asked if url not in (shown.file.as_uri(), "data:,")] == []
    size, seconds = shown.file.stat().st_size, shown.page.evaluate(LOADED) / 1000
    record_testsuite_property(f"bytes of {name}", size)
    record_testsuite_property(f"seconds to load {name}", round(seconds, 3))
    assert size < (MOST_BYTES_LARGE if name == "large" else MOST_BYTES)
    assert 0 < seconds < MOST_SECONDS
    close(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing(browser: Browser, name: str, scheme: str, tmp_path: Path) -> None:
    """Its rules of WCAG 2.0 to 2.2, A and AA, contrast among them, and its best practices; all that folds is open."""
    # The checker is a script, which the page's own policy forbids: its frame may run it, the page has none of its own.
    shown = show(browser, tmp_path, RECORDS[name], against=GREEN, color_scheme=scheme, bypass_csp=True)
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    results = Axe().run(shown.page)
    assert len(results.response["passes"]) > 10
    assert results.violations_count == 0, results.generate_report()
    close(shown)


def test_no_page_scrolls_sideways_on_a_phone(browser: Browser, name: str, tmp_path: Path) -> None:
    shown = show(browser, tmp_path, RECORDS[name], viewport=PHONE)
    for opened in (False, True):
        shown.page.evaluate(f"document.querySelectorAll('details').forEach(one => one.open = {str(opened).lower()})")
        wide, window = shown.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= window == PHONE["width"]
    close(shown)


def test_links_lead_somewhere(browser: Browser, name: str, tmp_path: Path) -> None:
    shown = show(browser, tmp_path, RECORDS[name])
    links = shown.page.evaluate("[...document.querySelectorAll('a')].map(one => one.href.baseVal ?? one.href)")
    assert links
    for link in set(links):
        target = urlsplit(link)
        if target.fragment:
            assert shown.page.evaluate("id => document.getElementById(id) !== null", unquote(target.fragment)), link
        if target.path and target.scheme:
            assert Path(unquote(target.path)).is_file(), link
    close(shown)


def test_a_red_line_of_the_drawing_leads_to_its_evidence(browser: Browser, tmp_path: Path) -> None:
    shown = show(browser, tmp_path, SEEN)
    line = shown.page.locator("svg.drawing a", has_text="mTLS 40 %")
    line.click()
    evidence = shown.page.locator(f"#{EDGES.id}")
    expect(evidence).to_be_in_viewport()
    expect(evidence.locator("a", has_text="kiali-graph.json")).to_be_visible()
    close(shown)


def test_the_keyboard_reaches_all_of_it(browser: Browser, tmp_path: Path) -> None:
    """The first stop leads past the head; links, what folds and what scrolls are stops, in the order of the page."""
    shown = show(browser, tmp_path, SEEN)
    keyboard = shown.page.keyboard
    keyboard.press("Tab")
    expect(shown.page.locator(".skip")).to_be_focused()
    expect(shown.page.locator(".skip")).to_be_in_viewport()
    stops = shown.page.evaluate(
        "[...document.querySelectorAll('a, summary, [tabindex]')].filter(one => one.checkVisibility()).length"
    )
    seen: set[str] = set()
    for _ in range(stops + 5):
        keyboard.press("Tab")
        tag = shown.page.evaluate("document.activeElement.tagName")
        if tag == "BODY":
            break
        assert shown.page.evaluate(IS_SHOWN_TO_HAVE_IT)
        seen.add(tag)
    assert {"A", "SUMMARY", "DIV"} <= {tag.upper() for tag in seen}
    folded = shown.page.locator(".findings details:not([open])").first
    folded.locator("summary").focus()
    keyboard.press("Enter")
    expect(shown.page.locator(".findings details[open]").nth(1)).to_be_visible()
    close(shown)


def test_print_shows_what_is_folded(browser: Browser, name: str, tmp_path: Path) -> None:
    shown = show(browser, tmp_path, RECORDS[name])
    expect(shown.page.locator("nav")).to_be_visible()
    shown.page.emulate_media(media="print")
    expect(shown.page.locator("nav")).to_be_hidden()
    hidden = shown.page.evaluate(
        "[...document.querySelectorAll('details:not([open]) table, details:not([open]) dl')]"
        ".filter(one => one.getBoundingClientRect().height === 0).length"
    )
    assert hidden == 0
    assert shown.page.pdf().startswith(b"%PDF-")
    close(shown)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_stays_a_text(browser: Browser, text: str, tmp_path: Path) -> None:
    """Also without the policy by which the page forbids itself scripts: what is written is text, not only harmless."""
    assert SEEN.subject is not None
    record = replace(
        SEEN,
        subject=replace(SEEN.subject, name=text, namespace=text, pods=(SubjectPod(text, "head", text, text),)),
        judgements=(
            replace(judgement(EDGES, ok=False, about=text, test=text), expected=text, seen=text, witness=text),
        ),
        failures=(Failure(text, "call", text),),
        notes=(text,),
        options={text: text},
        faults=(replace(fault(PLAINTEXT), fault=text, title=text, family=text, problem=text),),
        not_asked={EDGES.id: text},
        sights=replace(
            SIGHTS,
            edges=tuple(replace(one, source=text, target_identity=text) for one in SIGHTS.edges),
            ports=tuple(replace(one, name=text, held_by=(text,)) for one in SIGHTS.ports),
            methods=tuple(replace(one, method=text) for one in SIGHTS.methods),
            missing={text: text},
        ),
    )
    shown = show(browser, tmp_path, record, viewport=PHONE, bypass_csp=True)
    shown.page.mouse.move(100, 300)
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert shown.page.evaluate("window.hit") is None
    forbidden = "script, img, iframe, object, form, [onerror], [onfocus], [onmouseover]"
    assert shown.page.locator(forbidden).count() == 0
    words = shown.page.evaluate("document.body.textContent")
    assert printable(text) in words
    assert not [char for char in words if not char.isprintable() and char not in "\n "]
    assert shown.said == []
    wide, window = shown.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window
    close(shown)
