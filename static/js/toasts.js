// Toasts leave after six seconds, errors stay; a click or tap removes any.
(() => {
  const toasts = document.getElementById("toasts");
  if (!toasts) return;
  const leave = (toast) => {
    if (!toast.matches(".is-error")) setTimeout(() => toast.remove(), 6000);
  };
  [...toasts.children].forEach(leave);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === 1) leave(node);
    }
  }).observe(toasts, { childList: true });
  toasts.addEventListener("click", (event) => {
    if (!event.target.closest("a, button")) event.target.closest(".toast-note")?.remove();
  });
})();
