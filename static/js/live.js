// Follows the log over the live socket and tells this page what changed. After a lost connection it asks for what came
// after its cursor. Nothing is ever sent: decisions are forms.
import { hasTyped, icon, parse, place, put } from "./cards.js";
import { away, back, blocked, isLost, lost, offer as offerReload, refused, steady } from "./connection.js";
import { announce, count, offer } from "./lists.js";
import { ownPage } from "./own-page.js";
import { afterPress } from "./press.js";
import { tellRunners } from "./runners.js";

const SILENCE = 45_000; // ms without a word from the server, which says something every 20 s
const GRACE = 1_000; // ms in which a connection may come back without a word
const LONGEST = 15_000; // ms between two tries
// Why the server closes a socket (dashboard/live/closing.py); after anything else, too, the page comes back.
const NOT_ALLOWED = 4403; // asked again at once: somebody may have signed in again
const MISBEHAVED = [4008, 4009]; // this page has sent what it should not: not at once, or it would go on and on

const { live, cursor: start } = document.body.dataset;
let cursor = Number(start);
let socket = null;
let on = ""; // what the socket was told that the page shows
let tries = 0;
let next = 0; // timer of the next try
let grace = 0; // timer that says so
let heard = Date.now();
let everLive = false;
let meanwhile = new Set(); // requests that changed while the connection was lost

// ---- The connection

/** The lists and the subjects on this page. */
function shown() {
  const lists = [...document.querySelectorAll("[data-live-list]")].map((list) => list.dataset.liveList);
  const subjects = [...document.querySelectorAll("[data-subject]")].map((element) => element.dataset.subject);
  return [...new Set([...lists, ...subjects])].join(",");
}

function connect() {
  clearTimeout(next);
  drop();
  on = shown();
  const address = new URL(live, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.searchParams.set("after", cursor);
  address.searchParams.set("on", on);
  socket = new WebSocket(address);
  let opened = false;
  const hurry = setTimeout(() => socket?.readyState === WebSocket.CONNECTING && failed(0, false), 10_000);
  socket.onopen = () => { opened = true; heard = Date.now(); };
  socket.onmessage = (event) => { heard = Date.now(); hear(JSON.parse(event.data)); };
  socket.onclose = (event) => { clearTimeout(hurry); failed(event.code, opened); };
}

/** Closes the socket without hearing of it again. */
function drop() {
  if (!socket) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
  socket = null;
}

function failed(code, opened) {
  drop();
  away();
  if (grace === 0 && !isLost()) {
    const since = new Date();
    grace = setTimeout(() => lost(since, everLive), GRACE);
  }
  tries = opened ? 1 : tries + 1;
  if (!opened && tries > 1) whyRefused();
  clearTimeout(next);
  next = setTimeout(connect, pauseAfter(code));
}

/** How long to wait before the next try, in ms; not everybody at the same moment. */
function pauseAfter(code) {
  if (code === NOT_ALLOWED) return 0;
  const longest = MISBEHAVED.includes(code) ? LONGEST : Math.min(LONGEST, 500 * 2 ** (tries - 1));
  return longest * (0.5 + Math.random() / 2);
}

/** A browser does not say why a socket was refused: the server is away, or it does not want this page. */
async function whyRefused() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  if (answer?.ok && tries > 1) {
    clearTimeout(grace);
    refused();
  }
}

function tryNow() {
  if (socket?.readyState === WebSocket.OPEN && Date.now() - heard < SILENCE) return;
  tries = 0;
  connect();
}

// ---- What it says

function hear(frame) {
  if (frame.reload) reload();
  else if ("caught_up" in frame) afterPress(() => caughtUp(frame)); // behind the frames that it tells of
  else if ("beat" in frame) afterPress(() => beat(frame));
  else {
    afterPress(() => tell(frame));
    document.dispatchEvent(new Event("change:log"));
  }
  cursor = Math.max(cursor, frame.cursor || 0);
}

function beat(frame) {
  for (const [id, html] of Object.entries(frame.html)) put(id, html);
  tellRunners(frame);
}

function caughtUp(frame) {
  clearTimeout(grace);
  grace = tries = 0;
  everLive = true;
  if (isLost()) back(meanwhile.size);
  steady();
  count(frame.counts);
  meanwhile = new Set();
}

const inFlight = new Map(); // subject: frame that came while the page's own request was under way
let flying = 0;
const hasWholeStory = new URLSearchParams(location.search).has("all");

function tell(frame) {
  if (isLost() && Object.keys(frame.html).length) meanwhile.add(frame.subject);
  if (flying) inFlight.set(frame.subject, frame);
  else inFlight.delete(frame.subject); // what is newer is told, and what waited is not told after it
  count(frame.counts);
  let over = false;
  for (const [id, html] of Object.entries(frame.html)) {
    if (hasWholeStory && /^run-\d+$/.test(id)) {
      bring([id], () => true); // a frame has the newest steps only
      continue;
    }
    // The answer to the page's own form is on its way; it says the same and more.
    if (!document.getElementById(id)?.querySelector(".htmx-request")) over = put(id, html) === "over" || over;
  }
  if (over) {
    const isDecided = Object.keys(frame.html).some((id) => id.startsWith("outcome-"));
    announce(`${isDecided ? "Decided meanwhile. " : ""}${frame.label}.`);
    bring(["run-title", "run-bytes", "facts"], () => true);
  }
  offer(frame);
  if (frame.open === false) tooLate(frame);
  document.dispatchEvent(new CustomEvent("hitl:frame", { detail: frame })); // for what only one page knows
  if (frame.renew?.length) bring(frame.renew, () => true);
  if (frame.fetch?.length) bring(frame.fetch, (element) => !element.children.length);
}

/** A form elsewhere than in the place of the outcome (the one for editing) stays, and is told that it comes too late. */
function tooLate(frame) {
  const form = document.querySelector(`[data-subject="${CSS.escape(frame.subject)}"] > form[method="post"]`);
  if (!form || "late" in form.dataset) return;
  form.dataset.late = "";
  const note = parse('<div class="toast-note is-error" role="status"><div><strong>Decided meanwhile.</strong> <span></span> What you have typed is kept.</div></div>');
  note.prepend(icon("circle-alert"));
  note.querySelector("span").textContent = `${frame.label}.`;
  document.getElementById("toasts").append(note);
}

const brought = new Map(); // id: which asking brought what is there
let asking = 0;

/** What a person may do, and what frames do not hold, is not for the socket to say: the page asks for it. */
async function bring(ids, wanted) {
  const missing = ids.filter((id) => document.getElementById(id) && wanted(document.getElementById(id)));
  if (!missing.length) return;
  const mine = ++asking;
  const page = await ownPage();
  afterPress(() => {
    for (const id of missing) {
      const fresh = page?.getElementById(id);
      if (!fresh || !document.getElementById(id) || brought.get(id) > mine) continue; // a later asking was answered first
      brought.set(id, mine);
      place(document.getElementById(id), document.adoptNode(fresh));
    }
  });
}

// ---- Loading anew

function reload() {
  clearTimeout(grace);
  grace = 0;
  const before = Number(sessionStorage.getItem("live-reload") || 0);
  if (hasTyped() || Date.now() - before < 10_000) {
    offerReload();
    return;
  }
  sessionStorage.setItem("live-reload", Date.now());
  announce("Much has changed; the page is loaded anew.");
  const now = () => (hasTyped() ? offerReload() : location.reload()); // somebody may have begun to type
  setTimeout(() => afterPress(now), Math.random() * 1_000); // not everybody at once
}

// ---- Whatever else moves

function watch() {
  document.addEventListener("htmx:beforeSend", () => { flying += 1; });
  document.addEventListener("htmx:afterRequest", () => {
    flying = Math.max(0, flying - 1);
    // What was swapped in may be older than what the socket said since.
    setTimeout(() => {
      if (flying) return;
      const frames = [...inFlight.values()];
      inFlight.clear();
      for (const frame of frames) afterPress(() => tell(frame));
      if (shown() !== on && socket) connect();
    }, 60);
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-try-now]")) tryNow(); });
  for (const kind of ["submit", "click"]) document.addEventListener(kind, blocked, { capture: true });
  addEventListener("online", tryNow);
  addEventListener("offline", () => failed(0, true));
  addEventListener("pageshow", (event) => { if (event.persisted) tryNow(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tryNow(); });
  setInterval(() => { if (socket?.readyState === WebSocket.OPEN && Date.now() - heard > SILENCE) failed(0, true); }, 5_000);
}

if (live) {
  watch();
  connect();
}
