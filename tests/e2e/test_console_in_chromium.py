"""The console in a real browser: light and dark, phone width, no violation of its own policy, text that can be read."""

import importlib.util
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from buildgate_cli import cloud_context
from buildgate_cli.console.server import ConsoleServer
from cli_harness import write_cloud

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket, pytest.mark.xdist_group("console")]
_PAGES = Path(__file__).parents[1] / "unit/console/test_console_pages.py"
_SPEC = importlib.util.spec_from_file_location("console_pages_world", _PAGES)
world = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(world)
CONTRAST = """() => {
  const parse = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = node => { for (let n = node; n; n = n.parentElement) {
    const found = parse(getComputedStyle(n).backgroundColor); if (found.a > 0) return found; } return {r: 255, g: 255, b: 255}; };
  return [...document.querySelectorAll('main *, nav *, footer')].filter(node => !node.closest('svg') && node.checkVisibility()
      && [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()))
    .map(node => { const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), node.textContent.trim().slice(0, 40)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.fixture(scope="module")
def cloud():
    return world.a_week_of_the_shop()


@pytest.fixture(scope="module")
def console(cloud, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    write_cloud(folder / "home", front="http://127.0.0.1:9")
    server = ConsoleServer(cloud_context.read_local(folder / "home"))
    server.api = world.ApiOf(cloud)
    server.pages = world.Pages(world.ApiOf(cloud), lambda *_, **__: ["a line"], cloud="test", me="alice", form="proof")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_can_be_read_and_break_none_of_their_rules(cloud, console, browser, scheme, width):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, java_script_enabled=True
    )
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(console.url)

    for path in world.paths(cloud):
        page.goto(f"http://{console.address}{path}")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, (path, overflow)
        assert page.evaluate(CONTRAST) == [], path

    assert [text for text in said if "favicon" not in text] == []
    context.close()


def test_pages_say_all_without_scripts(console, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(console.url)

    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    page.get_by_role("link", name="Projects").first.click()
    assert page.get_by_role("link", name="shop-unit").count() >= 1
    context.close()
