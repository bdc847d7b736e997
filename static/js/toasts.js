// Toasts leave after six seconds; errors stay until they are closed. A click or tap removes any.
(() => {
  const toasts = document.getElementById("toasts");
  if (!toasts) return;
  function settle(toast) {
    if (!toast.matches(".is-error")) {
      setTimeout(() => toast.remove(), 6000);
      return;
    }
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-quiet push", textContent: "Close" });
    button.addEventListener("click", () => toast.remove());
    toast.append(button);
  }
  [...toasts.children].forEach(settle);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === 1) settle(node);
    }
  }).observe(toasts, { childList: true });
  toasts.addEventListener("click", (event) => {
    if (!event.target.closest("a, button")) event.target.closest(".toast-note")?.remove();
  });
})();
