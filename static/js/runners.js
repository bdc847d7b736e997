// Says when no runner is alive any more, and when one is back. The banner of a page that was loaded without a runner
// changes in its place; everywhere else a toast says it, since a new banner would move what is under the reader's hand.
import { parse } from "./cards.js";
import { announce } from "./lists.js";

let gone = document.getElementById("no-runner") !== null;

/** Takes a beat: how many runners are alive, and the banner that a page loaded now would have. */
export function tellRunners({ runners, html }) {
  const isGone = runners === 0;
  if (isGone === gone) return;
  gone = isGone;
  announce(gone ? "No runner is alive. Nothing runs until one is back." : "A runner is back.");
  const toast = parse(html["no-runner"]).querySelector(".notice");
  toast.className = `toast-note ${gone ? "is-error" : "is-yes"}`;
  toast.removeAttribute("role"); // it was announced above
  toast.dataset.runners = "";
  document.querySelector("#toasts > [data-runners]")?.remove();
  document.getElementById("toasts").append(toast);
}
