// New rows in open lists, and the figures around them. Rows come in by themselves while nobody works in the list;
// otherwise they wait behind the button that says how many.
import { parse } from "./cards.js";
import { ownPage } from "./own-page.js";
import { afterPress } from "./press.js";

const waiting = new WeakMap(); // list: row id → row
const heldIn = (list) => waiting.get(list) || waiting.set(list, new Map()).get(list);

// ---- Order

function placeOf(row, list) {
  const number = Number(row.id.match(/\d+$/)?.[0] || 0);
  if (list.dataset.liveList === "idle") return [number]; // oldest first
  if (list.dataset.liveList !== "pending") return [-number];
  const [rank, deadline, table, key] = (row.dataset.urgency || "0||0|0").split("|");
  return [-Number(rank), deadline || "~", Number(table), Number(key)]; // without a deadline last
}

function isBefore(one, other) {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && one[at] < other[at];
}

function insert(list, row) {
  if (document.getElementById(row.id)) return;
  // Decided rows stay where they were; they have no say in the order of a lane.
  const settled = ["pending", "idle"].includes(list.dataset.liveList) ? ".is-done" : ":not(*)";
  const rows = [...list.children].filter((each) => !each.matches(settled));
  const place = placeOf(row, list);
  const next = rows.find((each) => isBefore(place, placeOf(each, list)));
  if (next) next.before(row);
  else if (rows.length) rows.at(-1).after(row);
  else list.prepend(row);
  list.parentElement.querySelector(":scope > #empty, :scope > .sheet:has(.empty)")?.remove();
  window.htmx?.process(row);
}

// ---- Whether to wait

const AT_REST = 15_000; // ms after which a pointer that has not moved is nobody's hand
let pointed = null;
let moved = 0;
document.addEventListener("pointermove", (event) => {
  pointed = event.target.closest("[data-live-list]");
  moved = Date.now();
}, { passive: true });

function isWorkedIn(list) {
  const isPointed = pointed === list && list.matches(":hover") && Date.now() - moved < AT_REST;
  return isPointed || list.contains(document.activeElement) || window.scrollY > 8 || heldIn(list).size > 0;
}

function showHeld(list) {
  const button = list.closest(".lane")?.querySelector(".fresh");
  if (!button) return;
  const { size } = heldIn(list);
  button.querySelector("span").textContent = `${size} new`;
  button.hidden = size === 0;
}

document.addEventListener("click", (event) => {
  const list = event.target.closest(".fresh")?.closest(".lane").querySelector("[data-live-list]");
  if (!list) return;
  const rows = [...heldIn(list).values()];
  heldIn(list).clear();
  for (const row of rows) insert(list, row);
  const first = rows.sort((one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1)[0];
  first?.querySelector("a")?.focus(); // the button is about to go
  showHeld(list);
});

function add(list, row, label) {
  if (!list.closest(".lane")?.querySelector(".fresh") || !isWorkedIn(list)) insert(list, row);
  else heldIn(list).set(row.id, row);
  showHeld(list);
  if (label) announceNew(label);
}

/** Puts the row of a frame into the open lists that it belongs to, if it is not on the page yet. */
export function offer(frame) {
  for (const list of document.querySelectorAll("[data-live-list]")) {
    const belongs = frame.lists?.includes(list.dataset.liveList);
    const held = heldIn(list);
    if (held.has(frame.row)) {
      held.delete(frame.row);
      if (belongs && frame.html[frame.row]) held.set(frame.row, parse(frame.html[frame.row]));
      showHeld(list);
    } else if (belongs && frame.html[frame.row] && !document.getElementById(frame.row)) {
      if (list.hasAttribute("data-filtered")) lookLater(list);
      else add(list, parse(frame.html[frame.row]), frame.label);
    }
  }
}

/** Whether a row matches a filter only the server can say. */
let looking = 0;
const lookingFor = new Set(); // lists
function lookLater(list) {
  clearTimeout(looking);
  const asked = new URLSearchParams(location.search);
  if (asked.has("before") || asked.has("after")) return; // a later page: what is new stands on the first
  lookingFor.add(list);
  looking = setTimeout(async () => {
    const lists = [...lookingFor];
    lookingFor.clear();
    for (const list of lists) {
      const page = await ownPage(list.dataset.elsewhere);
      if (page) afterPress(() => addMissing(list, page));
    }
  }, 400);
}

function addMissing(list, page) {
  if (!list.isConnected) return;
  const same = list.dataset.elsewhere ? "[data-live-list]" : `[data-live-list="${list.dataset.liveList}"]`;
  for (const row of page.querySelectorAll(`${same} > li`)) {
    if (row.id && !document.getElementById(row.id) && !heldIn(list).has(row.id)) {
      add(list, document.adoptNode(row), row.querySelector(".req-what")?.textContent.trim());
    }
  }
}

// ---- Words and figures

let labels = [];
function announceNew(label) {
  labels.push(label);
  if (labels.length > 1) return;
  setTimeout(() => {
    announce(labels.length === 1 ? `New: ${labels[0]}.` : `${labels.length} new. The first: ${labels[0]}.`);
    labels = [];
  }, 500);
}

/** Says it to those who listen, when they have a moment. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

const shown = (id) => parseInt(document.getElementById(id)?.textContent, 10) || 0;
const waits = [...document.querySelectorAll("[data-waits]")].map((element) => element.id.replace("count-", ""));
const known = Object.fromEntries(waits.map((key) => [key, shown(`count-${key}`)]));
const questions = () => waits.reduce((sum, key) => sum + known[key], 0);
known.doubt = Math.max(0, shown("count-inbox") - questions());

/** Tells the figures in the menu, the lane's head and the tab's title. */
export function count(figures = {}) {
  Object.assign(known, figures);
  const all = questions() + known.doubt;
  tell("count-inbox", all);
  for (const key of Object.keys(figures)) tell(`count-${key}`, known[key], known[`${key}_risk`]);
  for (const id of ["count-top", "count-lane"]) {
    const element = document.getElementById(id);
    if (element) element.textContent = all;
  }
  document.getElementById("count-top")?.closest("a").toggleAttribute("hidden", !all); // nothing waits: nothing is said
  document.title = (all ? `(${all}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

function tell(id, number, risk) {
  const element = document.getElementById(id);
  if (!element) return;
  element.replaceChildren();
  if (number) element.append(String(number), parse('<span class="visually-hidden"> open</span>'));
  if (risk !== undefined) element.className = `count${risk && number ? ` is-${risk}` : ""}`;
}
