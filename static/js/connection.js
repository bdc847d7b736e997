// Says how the connection is: the word in the menu's foot, the bar while it is lost, the notice when it is back.
// While it is lost, forms wait: what the page shows may be old.
import { icon } from "./cards.js";
import { announce } from "./lists.js";

const bar = document.getElementById("offline");
const word = document.getElementById("live");
let since = null; // when the connection was lost
let waits = false; // whether forms wait
let isStale = false; // whether this page has missed something that no catching up brings

const two = (number) => String(number).padStart(2, "0");
const clock = (date) => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");

export const isLost = () => since !== null;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function show(strong, text, button) {
  bar.replaceChildren(icon("wifi-off"), element("span", {}, element("strong", {}, strong), ` ${text}`), button);
  bar.classList.add("mb-4");
  bar.hidden = false;
}

function reloadButton() {
  const button = element("button", { type: "button", className: "btn push" }, "Reload");
  button.addEventListener("click", () => location.reload());
  return button;
}

function say(isLive) {
  word.textContent = isLive ? "live" : "offline";
  word.classList.toggle("is-silent", !isLive);
}

/** The socket is closed: what is shown is not live from this moment on, and says so before anybody knows for how long. */
export function away() {
  say(false);
}

/** The connection is gone. One that never was there stops nobody: perhaps no socket gets through to here. */
export function lost(at, wasThere) {
  since = at;
  say(false);
  if (!wasThere) {
    show("This page is not live.", "Reload it to see what is new. You can decide; the server looks again at what is true then.", reloadButton());
    return;
  }
  const button = element("button", { type: "button", className: "btn push" }, "Try now");
  button.dataset.tryNow = "";
  show(`Connection lost at ${clock(at)}.`, "What you see may be old. You can read and type; decisions wait until it is back.", button);
  hold(true);
}

/** The server is there and does not want this socket. It will say why to whoever sends a form. */
export function refused() {
  since ??= new Date();
  say(false);
  hold(false);
  show(`No live updates since ${clock(since)}.`, "The server refuses them: you may be signed out. What you see may be old.", reloadButton());
}

/** Too much has changed to be told piece by piece, and something was typed. */
export function offer() {
  since = null;
  isStale = true;
  hold(false);
  say(true);
  show("Much has changed.", "Reload this page to see it. Copy what you have typed before that.", reloadButton());
}

/** All is well, or as well as it was. */
export function steady() {
  if (isStale) return offer();
  since = null;
  bar.hidden = true;
  hold(false);
  say(true);
}

/** It is back, and so many requests have changed meanwhile. */
export function back(changed) {
  const gone = Math.round((Date.now() - since) / 1000);
  const are = changed === 1 ? "1 request changed meanwhile and is shown as it is now." : `${changed} requests changed meanwhile and are shown as they are now.`;
  const button = element("button", { type: "button", className: "btn btn-quiet" }, "Close");
  const notice = element(
    "div",
    { className: "notice is-yes mb-4", id: "back", role: "status" },
    icon("check"),
    element("div", {}, element("strong", {}, `Back after ${lasted(gone)}.`), changed ? are : "Nothing on this page changed meanwhile."),
    button,
  );
  button.addEventListener("click", () => notice.remove());
  document.getElementById("back")?.remove();
  bar.after(notice);
}

function lasted(seconds) {
  const [number, unit] = seconds < 120 ? [seconds, "second"] : [Math.round(seconds / 60), "minute"];
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

// ---- Forms wait

const FORMS = 'main form[method="post"]';
const WAITING = `${FORMS} [type="submit"], ${FORMS} a[data-key]`; // a link to another page would lose what was typed

function hold(wait) {
  waits = wait;
  for (const button of document.querySelectorAll(WAITING)) {
    if (wait && button.getAttribute("aria-disabled") !== "true") {
      button.dataset.waits = button.getAttribute("aria-describedby") || "";
      button.setAttribute("aria-disabled", "true");
      button.setAttribute("aria-describedby", `offline ${button.dataset.waits}`.trim());
    } else if (!wait && "waits" in button.dataset) {
      button.removeAttribute("aria-disabled");
      if (button.dataset.waits) button.setAttribute("aria-describedby", button.dataset.waits);
      else button.removeAttribute("aria-describedby");
      delete button.dataset.waits;
    }
  }
}

/** Stops a form from being sent, its links, and its buttons that htmx sends by themselves, while the connection is lost; what was typed stays. */
export function blocked(event) {
  if (!waits || !event.target.closest(event.type === "submit" ? FORMS : "a[data-waits], button[hx-post][data-waits]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  announce("Not sent: the connection is lost. What you have typed is kept.");
  bar.scrollIntoView({ block: "nearest" });
}
