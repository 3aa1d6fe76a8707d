"""The console in a real browser: light and dark, desk and phone, checked for accessibility, and kept as pictures.

The pictures are written to ``.buildgate/screenshots/console``, for a pipeline to keep and people to look at.
"""

import re
import shutil
import threading
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import console_world
from buildgate_cli import cloud_context
from buildgate_cli.console.pages import Pages
from buildgate_cli.console.server import ConsoleServer
from cli_harness import write_cloud

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket, pytest.mark.xdist_group("console")]
PICTURES = Path(__file__).parents[2] / ".buildgate" / "screenshots" / "console"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
KEPT = {("desk", "light"), ("phone", "dark")}
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """() => axe.run(document, {resultTypes: ['violations'], selectors: false, elementRef: false}).then(
  found => found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))]))"""
"""All of axe's rules. Of text in pictures axe says that it cannot tell: `CONTRAST` can."""

CONTRAST = """() => {
  const parse = text => { const [r, g, b, a = 1] = (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = node => { for (let n = node; n; n = n.parentElement) {
    const found = parse(getComputedStyle(n).backgroundColor); if (found.a > 0) return found; } return {r: 255, g: 255, b: 255}; };
  const ratio = (ink, node) => { const [a, b] = [light(parse(ink)), light(ground(node))];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); };
  const isText = node => [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
  const words = [...document.querySelectorAll('body *')].filter(node => isText(node) && node.checkVisibility()
    && !node.matches('title, script, noscript, desc')).map(node => [node.closest('svg') ? 'fill' : 'color', node, 4.5]);
  const marks = [...document.querySelectorAll('main rect:not(.none, .background), main .dot, main .strip rect:not(.none)')]
    .map(node => ['fill', node, 3]);
  const lines = [...document.querySelectorAll('main .series path.line, main polyline')].map(node => ['stroke', node, 3]);
  return [...words, ...marks, ...lines].map(([kind, node, least]) => [ratio(getComputedStyle(node)[kind], node), least,
    `${node.tagName}.${node.getAttribute('class')} ${node.textContent.trim().slice(0, 40)}`]).filter(([found, least]) => found < least);
}"""
"""WCAG 2.2: text 4.5 to 1 against what is behind it (1.4.3), bars, points and lines of pictures 3 to 1 (1.4.11)."""

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def cloud():
    cloud = console_world.a_month(days=7)
    console_world.keep_running(cloud)
    return cloud


@pytest.fixture(scope="module")
def console(cloud, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    write_cloud(folder / "home", front="http://127.0.0.1:9")
    server = ConsoleServer(cloud_context.read_local(folder / "home"))
    server.api = console_world.ApiOf(cloud)
    now = cloud.aws.timeline.now
    server.pages = Pages(server.api, console_world.logs, cloud="test", me="alice", form="proof", clock=now)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    assert chromium, "install Debian's chromium"
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=options)
        yield running
        running.close()


def looked_over(page, name):
    """Return what is wrong with the page that is open, in every size and scheme; two of the four are kept as pictures."""
    wrong = []
    for size, scheme in LOOKS:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = page.evaluate(VIOLATIONS) + page.evaluate(CONTRAST)
        found += ["too wide"] if page.evaluate(WIDE) > 0 else []
        wrong += [(name, size, scheme, one) for one in found]
        if (size, scheme) in KEPT:
            keep(page, name, f"{size}-{scheme}")
    return wrong


def test_every_page_passes_axe_and_fits_in_both_sizes_and_schemes(cloud, console, browser):
    context = browser.new_context(bypass_csp=True)
    context.add_init_script(AXE)
    page = context.new_page()
    page.goto(console.url)

    wrong = []
    for path in console_world.paths(cloud):
        assert page.goto(f"http://{console.address}{path}").status == 200, path
        wrong += looked_over(page, path)

    assert wrong == []
    context.close()


def test_approval_pages_pass_axe_and_fit_in_both_sizes_and_schemes(cloud, browser):
    context = browser.new_context(offline=True)
    page = context.new_page()
    links, ask = cloud.links(), cloud.deployment.http.request
    shown = {
        "waiting": ask("GET", links[-1]),
        "decided": ask("GET", links[0]),
        "not-valid": ask("GET", links[0].partition("?")[0]),
    }

    wrong = []
    for name, answer in shown.items():
        page.set_content(answer.body.decode())
        page.evaluate(AXE)
        wrong += looked_over(page, f"approval-page-{name}")

    assert wrong == []
    assert [answer.status for answer in shown.values()] == [200, 200, 403]
    context.close()


def keep(page, path, how):
    PICTURES.mkdir(parents=True, exist_ok=True)
    kind = re.sub(r"[0-9a-f]{8,}[-0-9a-z.]*|01[0-9a-z]{24}[0-9a-z.]*", "one", path.strip("/")) or "overview"
    page.screenshot(path=PICTURES / f"{re.sub('[^a-z-]+', '-', kind)}-{how}.png", full_page=True)


def test_pages_say_all_without_scripts_and_break_no_rule_of_their_policy(cloud, console, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(console.url)

    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    page.get_by_role("link", name="Projects").first.click()
    assert page.get_by_role("link", name="shop-unit").count() >= 1
    for path in console_world.paths(cloud):
        page.goto(f"http://{console.address}{path}")
    assert said == []
    context.close()


def test_a_phones_screen_reader_finds_landmarks_headings_and_tables(cloud, console, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(console.url)
    run = next(path for path in console_world.paths(cloud) if path.startswith("/runs/"))
    page.goto(f"http://{console.address}{run}")

    told = page.locator("body").aria_snapshot()

    for landmark in ("banner", "search", 'navigation "Main"', "main", "contentinfo"):
        assert f"- {landmark}:" in told, told
    for part in ('table "Stages with their approvals, builds and gates"', 'rowheader "test', 'cell "succeeded"'):
        assert part in told, told
    context.close()


def test_the_keyboard_skips_the_menu_and_every_stop_can_be_seen(console, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(console.url)

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    outline = "(() => { const style = getComputedStyle(document.activeElement.closest('.tile')); return style.outlineStyle; })()"
    assert page.evaluate(outline) == "solid"
    context.close()


def test_a_running_run_changes_in_its_place_and_says_what_is_new(cloud, console, browser):
    context = browser.new_context()
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.clock.install()
    page.goto(console.url)
    live = cloud.runs()[0]["run_id"]
    page.goto(f"http://{console.address}/runs/{live}")
    page.evaluate("document.querySelector('header').dataset.same = 'yes'")
    assert page.get_by_role("status").inner_text() == ""

    cloud.aws.timeline.advance(minutes=6)
    page.clock.run_for(3_500)
    page.locator("#said", has_text="build unit").wait_for(state="attached")

    assert "in phase" not in page.get_by_role("status").inner_text()
    assert page.evaluate("document.querySelector('header').dataset.same") == "yes"
    assert said == []
    context.close()
