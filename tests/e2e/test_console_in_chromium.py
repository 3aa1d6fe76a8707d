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
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """() => axe.run(document, {resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}}).then(
  found => found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))]))"""
"""All of axe's rules but the one that is slow; `CONTRAST` measures the same of every text, in every size and scheme."""

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
    cloud = console_world.a_month(days=16)
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


@pytest.mark.parametrize(
    ("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_pages_fit_can_be_read_and_used_by_everybody(cloud, console, browser, size, scheme):
    """Each size and scheme is checked for fit and contrast.

    In two of the four axe looks pages over and pictures are kept; the policy has to let axe in there. In the other two it
    is in force: a browser that met a script, a style or a picture from elsewhere would say so.
    """
    width, height = SIZES[size]
    is_looked_over = (size, scheme) in {("desk", "light"), ("phone", "dark")}
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        bypass_csp=is_looked_over,
        reduced_motion="reduce",
    )
    if is_looked_over:
        context.add_init_script(AXE)
    page = context.new_page()
    said, wrong = [], {}
    page.on("console", lambda message: said.append(message.text))
    page.goto(console.url)

    for path in console_world.paths(cloud):
        assert page.goto(f"http://{console.address}{path}").status == 200, path
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found = page.evaluate(CONTRAST) + (["too wide"] if overflow > 0 else [])
        if is_looked_over:
            found += page.evaluate(VIOLATIONS)
            keep(page, path, f"{size}-{scheme}")
        wrong |= {path: found} if found else {}

    assert wrong == {}
    assert [text for text in said if "favicon" not in text] == []
    context.close()


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_approval_pages_can_be_used_by_everybody(cloud, browser, size, scheme):
    width, height = SIZES[size]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    links, ask = cloud.links(), cloud.deployment.http.request
    shown = {
        "waiting": ask("GET", links[-1]),
        "decided": ask("GET", links[0]),
        "not-valid": ask("GET", links[0].partition("?")[0]),
    }

    for name, answer in shown.items():
        page.set_content(answer.body.decode())
        page.evaluate(AXE)
        assert page.evaluate(VIOLATIONS) + page.evaluate(CONTRAST) == [], name
        keep(page, f"approval-page-{name}", f"{size}-{scheme}")
    assert [answer.status for answer in shown.values()] == [200, 200, 403]
    context.close()


def keep(page, path, how):
    PICTURES.mkdir(parents=True, exist_ok=True)
    kind = re.sub(r"[0-9a-f]{8,}[-0-9a-z.]*|01[0-9a-z]{24}[0-9a-z.]*", "one", path.strip("/")) or "overview"
    page.screenshot(path=PICTURES / f"{re.sub('[^a-z-]+', '-', kind)}-{how}.png", full_page=True)


def test_pages_say_all_without_scripts(console, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(console.url)

    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    page.get_by_role("link", name="Projects").first.click()
    assert page.get_by_role("link", name="shop-unit").count() >= 1
    context.close()
