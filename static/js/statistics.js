// Keeps the figures fresh: after something was decided, at most every few seconds. While somebody works on the page
// only the words in the cells change; what would move anything waits behind a button.
import { parse } from "./cards.js";
import { announce } from "./lists.js";
import { ownPage } from "./own-page.js";

const PAUSE = 4_000; // ms between two looks at the server
const AT_REST = 15_000; // ms after which a hand that has not moved is gone
let waiting = null; // new figures that would move something
let timer = 0;
let looked = 0;
let moved = 0;

const here = () => document.getElementById("statistics");
for (const kind of ["pointermove", "keydown", "scroll"]) addEventListener(kind, () => { moved = Date.now(); }, { passive: true });
const isWorkedOn = () =>
  Date.now() - moved < AT_REST || here().contains(document.activeElement) || window.scrollY > 8 || !document.getSelection().isCollapsed;

// ---- Filters apply when they are changed

document.addEventListener("change", (event) => {
  const form = event.target.closest("#statistics form.filters");
  if (form && event.target.matches("select")) form.requestSubmit(form.querySelector("[data-apply]"));
});

// ---- New figures

/** The words of a part in their order, by their places; what has as many can be changed in place. */
const places = (element) => [...element.querySelectorAll("#tiles dt, #tiles .big, #tiles small, tbody th, tbody td, [data-note], [data-as-of], option")];
const shape = (element) => places(element).map((each) => each.tagName + (each.id || "")).join(" ");

function apply(fresh) {
  const old = here();
  if (shape(old) === shape(fresh)) {
    const words = places(fresh);
    places(old).forEach((place, at) => {
      if (place.textContent !== words[at].textContent) place.replaceChildren(...words[at].childNodes);
    });
  } else if (isWorkedOn()) {
    waiting = fresh;
    offer();
    return;
  } else {
    replace(fresh);
  }
  document.dispatchEvent(new Event("figures"));
}

function replace(fresh) {
  const open = [...here().querySelectorAll("details[open]")].map((each) => each.id);
  for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  here().replaceWith(fresh);
  waiting = null;
}

function offer() {
  if (document.getElementById("new-figures")) return;
  const button = parse('<button class="btn btn-ink" type="button" id="new-figures">New figures</button>');
  button.addEventListener("click", () => {
    replace(waiting);
    document.dispatchEvent(new Event("figures"));
    here().querySelector("h1").setAttribute("tabindex", "-1");
    here().querySelector("h1").focus({ preventScroll: true });
  });
  here().querySelector(".head").append(button);
  announce("There are new figures.");
}

function lookSoon() {
  if (timer) return;
  timer = setTimeout(look, Math.max(500, looked + PAUSE - Date.now()));
}

async function look() {
  const page = document.hidden ? null : await ownPage();
  timer = 0;
  looked = Date.now();
  const fresh = page?.getElementById("statistics");
  if (fresh && here()) apply(document.adoptNode(fresh));
}

document.addEventListener("change:log", lookSoon); // live.js has heard of something
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookSoon(); });

// ---- Days are those of the reader: times.js has set the cookie by now, but the first page did not have it

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone && here().dataset.zone !== timeZone && document.cookie.includes(`zone=${encodeURIComponent(timeZone)}`) && !sessionStorage.getItem("zone-asked")) {
  sessionStorage.setItem("zone-asked", timeZone); // a server that does not know the zone is asked once
  look();
}
