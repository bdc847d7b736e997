// Keys for people who decide all day. No key decides: a, r, v and e only go to the button, Enter presses it. j, k and u
// follow a link; 1 to 4 tick a ready reason.
(() => {
  const box = document.getElementById("use-keys");
  if (!box) return;
  const store = (value) => { try { localStorage.setItem("keys", value); } catch { /* kept for this page only */ } };
  try { box.checked = localStorage.getItem("keys") !== "off"; } catch { box.checked = true; }
  const show = () => { document.body.classList.toggle("no-keys", !box.checked); };
  box.addEventListener("change", () => { store(box.checked ? "on" : "off"); show(); });
  box.closest("[hidden]").hidden = false;
  document.querySelector('[popovertarget="keys"]').closest("[hidden]").hidden = false;
  show();

  const go = (selector) => document.querySelector(selector)?.focus();
  function step(by) {
    const links = [...document.querySelectorAll(".req .req-what a")];
    const here = links.findIndex((link) => link.closest(".req").contains(document.activeElement));
    const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : here + by];
    next?.focus();
    next?.closest(".req").scrollIntoView({ block: "nearest" });
  }
  /** Presses what only leads somewhere or shows something; false where there is nothing of that key. */
  function press(selector) {
    const found = document.querySelector(selector);
    found?.click();
    return Boolean(found);
  }
  const keys = {
    j: () => press('a[data-key="j"]') || step(1),
    k: () => press('a[data-key="k"]') || step(-1),
    u: () => press('a[data-key="u"]'),
    a: () => go('[data-key="a"]'),
    r: () => go('[data-key="r"]'),
    v: () => go('[data-key="v"]'),
    e: () => go('[data-key="e"]'),
    d: () => go('[data-key="d"]'),
    c: () => go('[data-key="c"]'),
    h: () => go('[data-key="h"]'),
    f: () => go('[name="feedback"], [name="answer"]'),
    "/": () => go('[role="search"] input[type="search"]'),
    "?": () => document.getElementById("keys").togglePopover(),
    "g i": () => location.assign(document.querySelector(".brand").href),
  };
  let before = "";
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) typing.blur();
    if (!box.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const toggle = document.querySelector(`[data-toggle="${CSS.escape(event.key)}"]`);
    const act = keys[`${before} ${event.key}`] || keys[event.key] || (toggle && (() => toggle.click()));
    before = event.key;
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
