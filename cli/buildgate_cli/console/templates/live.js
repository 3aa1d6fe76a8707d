// Keeps a page that changes up to date in its place: what is open stays open, and readers hear only what is new.
// Without scripts the page asks a browser to load it again instead.
"use strict";
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const shown = () => new Promise((done) => (document.hidden ? document.addEventListener("visibilitychange", done, { once: true }) : done()));
const part = (page, id) => page.querySelector(id);

function take(page) {
  const old = part(document, "main"), fresh = part(page, "main");
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, place) => (one.open = open[place] ?? one.open));
  const told = part(fresh, "[data-said]")?.dataset.said ?? "", before = part(old, "[data-said]")?.dataset.said ?? "";
  const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const rolled = [...old.querySelectorAll(".log")].map((one) => one.scrollTop);
  old.replaceChildren(...fresh.childNodes);
  old.querySelectorAll(".log").forEach((one, place) => (one.scrollTop = rolled[place] ?? 0));
  if (held) old.querySelector(`[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  part(document, "footer").replaceChildren(...part(page, "footer").childNodes);
  document.title = page.title;
  part(document, "link[rel=icon]").href = part(page, "link[rel=icon]").getAttribute("href");
  if (told !== before) part(document, "#said").textContent = told;
  return Number(fresh.dataset.refresh);
}

async function live() {
  let seconds = Number(part(document, "main").dataset.refresh);
  while (seconds) {
    await pause(seconds);
    await shown();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) seconds = take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // the console is away: ask again in a while
    }
  }
}
live();
