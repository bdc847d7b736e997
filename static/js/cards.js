// Puts fragments in the place of what is on the page, without taking anything from under the reader's hands:
// what has the focus or was typed in stays, and what stands around it is renewed.
import { afterPress } from "./press.js";

const madeFrom = new WeakMap(); // element: the HTML that it was made from
const owed = new WeakMap(); // element in use: the whole of what it could be shown a part of only, and its HTML

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

export function icon(name) {
  const sprite = document.querySelector("svg.i use").getAttribute("href").split("#")[0];
  return parse(`<svg class="i" aria-hidden="true"><use href="${sprite}#${name}"/></svg>`);
}

// ---- What must not be lost

const FIELDS = "input:not([type=hidden]), textarea, select";

function isChanged(field) {
  if (field.readOnly) return false;
  if (field.matches("select")) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  }
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}
const fieldsOf = (element) => [...element.querySelectorAll(FIELDS), ...(element.matches(FIELDS) ? [element] : [])];
const hasFocus = (element) => document.activeElement !== document.body && element.contains(document.activeElement);
const isInUse = (element) =>
  hasFocus(element) || fieldsOf(element).some(isChanged) || element.querySelector("dialog[open], :popover-open") !== null;

// What the server gave back is typed as well: where people say what they decide, nothing stands by itself.
const hasWords = (area) => !area.readOnly && area.value.trim() !== "";

/** Whether somebody has typed something on this page that loading it anew would lose. A filter is in the address. */
export const hasTyped = () =>
  document.querySelector("main [data-kept]") !== null ||
  [...document.querySelectorAll("main form.decide textarea")].some(hasWords) ||
  document.querySelector("main form.decide .presets :checked") !== null ||
  fieldsOf(document.querySelector("main")).some((field) => isChanged(field) && !field.closest("[role=search]"));

// ---- Putting in place

/** Puts this HTML in the place of the element with that id, if there is one. Returns what became of it:
 *  "" nothing, "renewed", or "over" when a form has made room for what was decided. */
export function put(id, html) {
  const old = document.getElementById(id);
  if (!old || madeFrom.get(old) === html) return "";
  const fresh = parse(html);
  return fresh ? place(old, fresh, html) : "";
}

/** The same with an element. */
export function place(old, fresh, html = "") {
  const became = putInPlace(old, fresh, html);
  placed();
  return became;
}

/** Tells the rest of the page that elements which it has in hand may have been replaced. */
export const placed = () => document.dispatchEvent(new Event("hitl:placed"));

function putInPlace(old, fresh, html) {
  const over = old.querySelector("form") !== null && fresh.querySelector("form") === null;
  if (!over && isInUse(old)) {
    renewAround(old, fresh, html);
    return "renewed";
  }
  const focused = hasFocus(old) && document.activeElement;
  const typed = over ? keepTyped(old, fresh) : null;
  keepOpen(old, fresh);
  old.replaceWith(fresh);
  madeFrom.set(fresh, html);
  window.htmx?.process(fresh);
  if (over && !document.querySelector("form.decide")) document.body.classList.remove("has-decision");
  if (focused) giveFocus(fresh, focused, typed);
  return over ? "over" : "renewed";
}

function renewAround(old, fresh, html) {
  const whole = fresh.cloneNode(true);
  const isWhole = merge(old, fresh);
  madeFrom.set(old, isWhole ? html : undefined);
  owed.set(old, isWhole ? undefined : [whole, html]);
  window.htmx?.process(old);
}

/** What could not be shown for the focus in it is shown when that has left. */
function settle(left) {
  for (let element = left; element; element = element.parentElement) {
    const found = owed.get(element);
    if (!found || !element.isConnected || hasFocus(element)) continue;
    owed.delete(element);
    place(element, ...found);
  }
}
document.addEventListener("focusout", ({ target }) => setTimeout(() => afterPress(() => settle(target))));

/** What a field says to people: what was typed, or the words of what was chosen. */
function wordsOf(field) {
  if (field.matches("select")) return isChanged(field) ? field.selectedOptions[0].text : "";
  if (!field.matches("[type=checkbox], [type=radio]")) return field.value;
  const label = field.matches(".presets :checked") && field.labels[0]?.cloneNode(true);
  label?.querySelectorAll?.("[aria-hidden]").forEach((hint) => hint.remove());
  return label ? label.textContent : "";
}

/** What was typed into a form that is over goes into a field of its own, to be read and copied. */
function keepTyped(old, fresh) {
  const words = fieldsOf(old).map(wordsOf).filter((text) => text.trim()).join("\n\n");
  if (!words) return null;
  let slot = fresh.querySelector("[data-typed]");
  if (!slot) {
    slot = parse('<section class="sheet sheet-pad" data-typed><label class="form-label">What you had typed <textarea class="form-control" readonly></textarea></label></section>');
    fresh.append(slot);
  }
  slot.hidden = false;
  const area = slot.querySelector("textarea");
  area.defaultValue = words;
  return area;
}

function giveFocus(fresh, focused, typed) {
  const target = (focused.matches("textarea") && typed) || fresh.querySelector("[tabindex='-1']");
  target?.focus({ preventScroll: true });
  if (target && target === typed) typed.setSelectionRange(focused.selectionStart, focused.selectionEnd);
}

function keepOpen(old, fresh) {
  const before = [...old.querySelectorAll("details")];
  [...fresh.querySelectorAll("details")].forEach((details, at) => {
    const same = details.id ? before.find((each) => each.id === details.id) : before[at];
    if (same) details.open = same.open;
  });
}

/** Renews everything of an element but what in it is in use. Leaves that alone of which it cannot be told what has become
 *  of it; returns whether there was nothing of the kind. */
function merge(old, fresh) {
  if (old.matches(FIELDS)) return true;
  const kept = [...old.children].filter(isInUse);
  const same = kept.map((child) => sameIn(fresh, child, [...old.children].indexOf(child)));
  const nodes = [...fresh.childNodes];
  const places = same.map((child) => nodes.indexOf(child));
  if (places.some((at, index) => at < 0 || at <= places[index - 1])) return false;
  if (old.matches("form") && fieldsOf(old).some(isChanged)) keepRead(old, fresh);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  for (const node of [...old.childNodes]) if (!kept.includes(node)) node.remove();
  kept.forEach((child, index) => child.before(...nodes.slice((places[index - 1] ?? -1) + 1, places[index])));
  old.append(...nodes.slice((places.at(-1) ?? -1) + 1));
  return kept.map((child, index) => merge(child, same[index])).every(Boolean);
}

/** What was typed answers what was read: the form goes on naming that, so that the server can say that it is outdated. */
function keepRead(form, fresh) {
  for (const field of form.querySelectorAll("input[type=hidden]")) {
    const same = fresh.querySelector(`input[type=hidden][name="${CSS.escape(field.name)}"]`);
    same?.setAttribute("value", field.value);
  }
}

function sameIn(fresh, child, at) {
  const children = [...fresh.children];
  if (child.id) return children.find((each) => each.id === child.id);
  const alike = (each) => each?.tagName === child.tagName && !each.id;
  return children.find((each) => alike(each) && each.className === child.className) || (alike(children[at]) ? children[at] : undefined);
}
