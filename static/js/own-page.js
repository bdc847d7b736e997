// What only the page itself may be told: it asks for its own address again. A frame says the same to everybody, and
// nothing about what a person may do.

const FIRST = 500; // ms until the second try
const LONGEST = 15_000; // ms between two tries

const TIMEOUT = 30_000; // ms for one

let pause = FIRST;
const next = new Map(); // address: the next try, which answers everybody who asks before it begins

/** This page, or the one at an address, as the server would show it to this person now; null if it would not. A server
 *  that does not answer, or not now, is asked again: no frame comes a second time. */
export async function ownPage(address = location.href) {
  for (;;) {
    const found = await (next.get(address) ?? ask(address));
    if (found !== undefined) return found && new DOMParser().parseFromString(found, "text/html");
    if (!next.has(address)) next.set(address, askLater(address));
  }
}

async function askLater(address) {
  await new Promise((go) => setTimeout(go, pause * (0.5 + Math.random() / 2)));
  next.delete(address);
  return ask(address);
}

/** Its text, null for never, undefined for not now. */
async function ask(address) {
  const asked = { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT) };
  const answer = await fetch(address, asked).catch(() => null);
  const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => undefined) : null;
  const isNotNow = !answer || answer.status >= 500 || text === undefined;
  pause = isNotNow ? Math.min(LONGEST, pause * 2) : FIRST;
  return isNotNow ? undefined : text;
}
