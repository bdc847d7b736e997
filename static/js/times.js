// Times in the reader's zone and language-free form, and countdowns, once a second and in place.
// The words are those of pages/rendering/durations.py; without script the page has UTC and the rest it had when it was made.
(() => {
  const SOON = 600, HOUR = 3600, DAY = 86400;
  const made = Date.parse(document.body.dataset.now);
  const ahead = made ? made - Date.now() : 0; // the server's clock decides; ours may be wrong
  const now = () => Date.now() + ahead;
  const two = (n) => String(n).padStart(2, "0");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // For what the server cuts into days.
  if (zone) document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; SameSite=Lax`;
  const month = new Intl.DateTimeFormat("en", { month: "short" });
  const clock = (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  const day = (d) => `${d.getDate()} ${month.format(d)}`;
  const full = (d) => `${day(d)} ${d.getFullYear()}, ${clock(d)} ${zone}`;

  function lasted(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < HOUR) return `${Math.floor(s / 60)} min`;
    if (s < DAY) return `${Math.floor(s / HOUR)} h ${Math.floor(s % HOUR / 60)} min`;
    return `${Math.floor(s / DAY)} d ${Math.floor(s % DAY / HOUR)} h`;
  }
  function left(seconds) {
    const s = Math.ceil(seconds);
    return s < HOUR ? `${Math.floor(s / 60)}:${two(s % 60)}` : lasted(s);
  }
  function said(date, style) {
    if (style === "ago") return `${lasted((now() - date) / 1000)} ago`;
    const today = new Date(now());
    const short = `${two(date.getHours())}:${two(date.getMinutes())}`;
    if (style === "clock" && date.toDateString() === today.toDateString()) return clock(date);
    if (style === "clock") return `${day(date)}, ${short}`;
    return `${day(date)} ${date.getFullYear()}, ${short}`;
  }
  const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([data-zone])")) {
      const date = new Date(time.dateTime);
      if (isNaN(date)) continue;
      time.dataset.zone = zone;
      time.title = full(date);
      if (time.dataset.time) set(time, said(date, time.dataset.time));
    }
  }
  function tick() {
    for (const time of document.querySelectorAll('time[data-time="ago"]')) set(time, said(new Date(time.dateTime), "ago"));
    for (const due of document.querySelectorAll(".due[data-due]")) {
      const seconds = (Date.parse(due.dataset.due) - now()) / 1000;
      due.classList.toggle("is-late", seconds <= 0);
      due.classList.toggle("is-soon", seconds > 0 && seconds < SOON);
      set(due.querySelector("time") || due, seconds > 0 ? left(seconds) : `passed ${lasted(-seconds)} ago`);
    }
    for (const bar of document.querySelectorAll("progress[data-due]")) {
      bar.value = Math.max(0, (Date.parse(bar.dataset.due) - now()) / 1000);
    }
  }
  const all = () => { localise(document); tick(); };
  all();
  setInterval(tick, 1000);
  // What a swap or the socket brings is told in the same words at once.
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.nodeType === 1))) all();
  }).observe(document.body, { childList: true, subtree: true });
})();
