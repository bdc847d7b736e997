// A press takes a moment: the pointer goes down, comes up, and the click follows. Whatever would put something else under
// the pointer meanwhile waits until it is over; a browser makes no click of a press whose element is gone.
const AFTERWARDS = 300; // ms after a finger has left in which its click may still come
const PRESSABLE = "a, button, summary, label, input, select";
let pressing = false;
let timer = 0;
const waiting = [];

export const isPressing = () => pressing;

/** Does this now, or as soon as nothing is being pressed; in the order in which it was asked for. */
export function afterPress(work) {
  if (pressing) waiting.push(work);
  else done(work);
}

/** One that fails takes none of the others with it. */
function done(work) {
  try {
    work();
  } catch (error) {
    reportError(error);
  }
}

function begin() {
  clearTimeout(timer);
  pressing = true;
}

function end() {
  clearTimeout(timer);
  pressing = false;
  waiting.splice(0).forEach(done);
}

function endIn(milliseconds) {
  if (!pressing) return;
  clearTimeout(timer);
  timer = setTimeout(end, milliseconds);
}

const heard = { capture: true, passive: true };
addEventListener("pointerdown", begin, heard);
addEventListener("pointerup", () => endIn(AFTERWARDS), heard);
addEventListener("click", () => endIn(0), heard); // after whatever it does
addEventListener("keydown", (event) => {
  if (["Enter", " "].includes(event.key) && event.target.closest?.(PRESSABLE)) begin();
}, heard);
addEventListener("keyup", () => endIn(0), heard);
// What ends without a click: a finger that scrolls, a menu, a choice, a pointer let go outside, another window.
for (const kind of ["pointercancel", "contextmenu", "change", "dragend", "pagehide"]) addEventListener(kind, () => endIn(0), heard);
addEventListener("blur", (event) => { if (event.target === window) endIn(0); }, heard); // a field's own goes by here too
addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && event.buttons === 0) endIn(0); }, heard);
