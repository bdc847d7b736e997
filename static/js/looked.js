// Tells the server that a question is in sight of somebody who may decide it, once it has been for a second; and when
// they have decided, how long it was, and how much of the page they had seen. Nothing waits for it, and it decides nothing.
(() => {
  const SECOND = 1_000; // ms
  const KEPT = "reading"; // what was read, until the decision has been answered
  let now = null; // the question on this page
  let timer = 0;

  /** The part of the page that is a question which its reader may decide; of a plan, while it is the people's turn. */
  const question = () => {
    const part = ":is([data-subject]:not([data-version]), [data-turn])";
    const may = ":is(:not([aria-disabled=true]), [data-waits])"; // a form that only waits for the connection counts, too
    const button = document.querySelector(`${part} .decide button[type=submit]${may}`);
    return button?.closest(part) ?? null;
  };
  /** Whether this leads to a decision: a plan is also edited and talked about before. */
  const decides = (submitter) => !("turn" in now.element.dataset) || !!submitter?.closest(".decide-acts");
  const kept = {
    get: () => { try { return sessionStorage.getItem(KEPT); } catch { return null; } },
    set: (text) => { try { sessionStorage.setItem(KEPT, text); } catch { /* a browser that keeps nothing */ } },
    drop: () => { try { sessionStorage.removeItem(KEPT); } catch { /* the same */ } },
  };

  function tell(said) {
    const headers = JSON.parse(document.body.getAttribute("hx-headers"));
    fetch("/statistics/looked/", { method: "POST", headers, body: new URLSearchParams(said), keepalive: true }).catch(() => {});
  }

  function lasted() {
    return now.before + (document.hidden ? 0 : performance.now() - now.since);
  }
  function look() {
    if (!now?.element.isConnected) return;
    const { top, height } = now.element.getBoundingClientRect();
    if (!document.hidden && height > 0) now.seen = Math.max(now.seen, Math.min(1, (window.innerHeight - top) / height));
  }
  function inSight() {
    clearTimeout(timer);
    if (!now || document.hidden || now.told) return;
    timer = setTimeout(() => {
      now.told = true;
      tell({ subject: now.subject });
    }, SECOND);
  }

  function begin() {
    const element = question();
    const subject = element?.dataset.turn ?? element?.dataset.subject;
    const isSame = now !== null && now.subject === subject;
    if (isSame) now.element = element;
    else now = subject ? { subject, element, before: 0, since: performance.now(), seen: 0, told: false } : null;
    look();
    if (!isSame) inSight();
  }

  function decided() {
    const text = kept.get();
    if (!text) return;
    kept.drop();
    tell(JSON.parse(text)); // if that decision did not count, the server knows
  }

  document.addEventListener("visibilitychange", () => {
    if (!now) return;
    if (document.hidden) now.before += performance.now() - now.since;
    else now.since = performance.now();
    look();
    inSight();
  });
  addEventListener("scroll", look, { passive: true });
  addEventListener("resize", look, { passive: true });
  document.addEventListener("submit", (event) => {
    if (!now || !now.element.contains(event.target) || event.target.method !== "post" || !decides(event.submitter)) return;
    look();
    const text = now.element.querySelector(".page > .stack") ?? now.element;
    const said = { subject: now.subject, seconds: lasted() / 1000, seen: now.seen, characters: text.innerText.length };
    kept.set(JSON.stringify(said));
  }, { capture: true });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig?.verb !== "get") decided(); // what is only asked for may be answered before a decision
  });
  for (const renewed of ["htmx:afterSettle", "hitl:placed"]) document.addEventListener(renewed, begin);
  decided(); // a form without htmx leads to another page
  begin();
})();
