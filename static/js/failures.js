// Says when a request of the page itself has come to nothing, and whether it may have counted; htmx only writes that to
// the console.
import { icon, parse } from "./cards.js";
import { announce } from "./lists.js";

/** A toast that stays until it is closed. */
export function say(title, text) {
  const toast = parse('<div class="toast-note is-error"><div><strong></strong> <span></span></div></div>');
  toast.prepend(icon("circle-alert"));
  toast.querySelector("strong").textContent = title;
  toast.querySelector("span").textContent = text;
  document.getElementById("toasts").append(toast);
  announce(`${title} ${text}`);
}

const isPost = (event) => event.detail.requestConfig?.verb !== "get";

document.addEventListener("htmx:sendError", (event) => {
  say("The server did not answer.", isPost(event)
    ? "Whether this counted shows here once it does. What you have typed is kept."
    : "Try again in a moment.");
});
document.addEventListener("htmx:responseError", (event) => {
  say(`This failed (HTTP ${event.detail.xhr.status}).`, isPost(event)
    ? "It is recorded whole or not at all: reload the page to see. Copy what you have typed before that."
    : "Nothing has changed.");
});
