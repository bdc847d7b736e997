// The button in the menu's foot: as system, light, dark, and around again.
(() => {
  const button = document.getElementById("theme");
  if (!button) return;
  const words = { system: "as system", light: "light", dark: "dark" };
  const order = Object.keys(words);
  const kept = () => { try { return localStorage.getItem("theme") || "system"; } catch { return "system"; } };
  const show = () => { document.getElementById("theme-name").textContent = words[kept()] || words.system; };
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(kept()) + 1) % order.length];
    try { localStorage.setItem("theme", next); } catch { return; } // a browser that keeps nothing
    document.dispatchEvent(new Event("theme"));
    show();
  });
  show();
  button.hidden = false;
})();
