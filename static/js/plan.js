// The page of a plan: what people have in hand stays as it is. When the plan changes and nothing is typed or open, the
// page asks for itself anew; otherwise it says so, and a press of the button brings what is current with all that is typed.
import { hasTyped, ownPage } from "./cards.js";

const plan = () => document.getElementById("plan");
const isSending = () => plan().querySelector("form.htmx-request") !== null; // its answer says the same and more
const isBusy = () => hasTyped() || plan().querySelector("[data-editor]") !== null;
let asked = 0;

function tell(facts) {
  const news = document.getElementById("plan-news");
  if (!news) return;
  const words = facts.version === Number(plan().dataset.version) ? "It is" : `There is version ${facts.version} now; the plan is`;
  news.querySelector("span").textContent = ` ${words} ${facts.status.replace("_", " ")}.`;
  news.hidden = false;
}

async function renew(facts) {
  const mine = ++asked;
  const page = isBusy() ? null : await ownPage().catch(() => null);
  if (mine !== asked || isSending()) return; // a later frame asks for the same
  const fresh = page?.getElementById("plan");
  if (!fresh || isBusy()) return tell(facts);
  const focused = plan().contains(document.activeElement) ? document.activeElement.id : "";
  const scroll = window.scrollY;
  plan().replaceWith(document.adoptNode(fresh));
  window.htmx?.process(fresh);
  document.body.classList.toggle("has-decision", fresh.querySelector(".decide-acts.primary") !== null);
  window.scrollTo({ top: scroll });
  if (focused) (document.getElementById(focused) ?? fresh.querySelector("h2[tabindex]"))?.focus({ preventScroll: true });
}

document.addEventListener("hitl:frame", ({ detail }) => {
  if (detail.plan && detail.subject === plan()?.dataset.subject && !isSending()) renew(detail.plan);
});
