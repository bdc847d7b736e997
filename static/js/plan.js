// The page of a plan: what people have in hand stays as it is. When the plan changes and nothing is typed or open, the
// page asks for itself anew; otherwise it says so, and a press of the button brings what is current with all that is typed.
import { hasTyped, placed } from "./cards.js";
import { say } from "./failures.js";
import { ownPage } from "./own-page.js";
import { afterPress, isPressing } from "./press.js";

const plan = () => document.getElementById("plan");
const sending = () => [...plan().querySelectorAll(".htmx-request")]; // their answers say the same and more
const isSending = () => sending().length > 0;
const isBusy = () => hasTyped() || plan().querySelector("[data-editor]") !== null;
let asked = 0;

/** Frames come for whatever happens in the plan's run, also for a look at it, which is no news to anybody. */
function isNews({ version, status, turn }) {
  const { version: had, status: was, turn: before = "" } = plan().dataset;
  return version !== Number(had) || status !== was || turn !== before;
}

function tell(facts) {
  const news = document.getElementById("plan-news");
  if (!news || !isNews(facts)) return;
  const words = facts.version === Number(plan().dataset.version) ? "It is" : `There is version ${facts.version} now; the plan is`;
  news.querySelector("span").textContent = ` ${words} ${facts.status.replace("_", " ")}.`;
  news.hidden = false;
}

async function renew(facts) {
  const mine = ++asked;
  const page = isBusy() ? null : await ownPage();
  afterPress(() => show(facts, page, mine));
}

/** The answer to what is being sent takes the plan's place; one that comes to nothing must not take the news with it. */
function renewUnlessAnswered(facts) {
  const before = plan();
  document.addEventListener("htmx:afterRequest", () => {
    if (isSending()) renewUnlessAnswered(facts);
    else if (plan() === before) renew(facts);
  }, { once: true });
}

function show(facts, page, mine) {
  if (mine !== asked) return; // a later frame asks for the same
  if (isSending()) return renewUnlessAnswered(facts);
  const fresh = page?.getElementById("plan");
  if (!fresh || isBusy()) return tell(facts);
  const focused = plan().contains(document.activeElement) ? document.activeElement.id : "";
  const scroll = window.scrollY;
  keepAnswer(fresh);
  plan().replaceWith(document.adoptNode(fresh));
  window.htmx?.process(fresh);
  placed();
  document.body.classList.toggle("has-decision", fresh.querySelector(".decide-acts.primary") !== null);
  window.scrollTo({ top: scroll });
  if (focused) (document.getElementById(focused) ?? fresh.querySelector("h2[tabindex]"))?.focus({ preventScroll: true });
}

/** Whether the last press counted is said until the next one, whatever else happens. */
function keepAnswer(fresh) {
  const said = plan().querySelector(".notice:is([role=alert], [data-said])");
  if (!said || fresh.querySelector("[role=alert]")) return;
  said.removeAttribute("role"); // it was read out
  said.dataset.said = "";
  fresh.querySelector("#plan-news").after(said);
}

document.addEventListener("hitl:frame", ({ detail }) => {
  if (detail.plan && detail.subject === plan()?.dataset.subject && !isSending()) renew(detail.plan);
});

// ---- Two presses, one soon after the other

// `Stop plan` is sent at once, whatever is under way. Of two answers the later one is shown; one that comes while
// something is being pressed waits, or the click would have no button any more.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target !== plan() || !detail.shouldSwap) return;
  const isLast = () => sending().every((each) => each === detail.requestConfig.elt);
  if (isLast() && !isPressing()) return;
  detail.shouldSwap = false;
  afterPress(() => {
    if (isLast()) window.htmx.swap(plan(), detail.serverResponse, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 20 });
  });
});

// Any other press while one is under way is not sent: it was meant for what is about to be replaced. The same button
// pressed twice needs no word.
let pressed = "";
document.addEventListener("submit", (event) => {
  if (event.target.id !== "turn") return;
  const name = event.submitter?.value ?? "";
  if (!event.target.matches(".htmx-request")) pressed = name;
  else if (name !== pressed) say("Not sent.", "What you pressed before was still under way. Look at what it has done, and press again.");
}, { capture: true });
