// Draws the charts. They read their figures from the table beneath them and their colours from the tokens, so that
// they always agree with both: after new figures, and in the other theme.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const drawn = new Map(); // canvas: its chart
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const figure = (text) => parseFloat(text.replace(/[,\s]/g, "")); // an empty cell or a dash is a gap

  function read(table) {
    const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
    return { head: [...table.tHead.rows[0].cells], rows: [...table.tBodies[0].rows].map(cells) };
  }
  const labels = (t) => t.rows.map((row) => row[0]);
  const column = (t, n) => t.rows.map((row) => figure(row[n]));
  const hued = (t) => t.head.map((th, n) => [th, n]).filter(([th]) => th.dataset.hue); // what is drawn
  const scales = () => ({
    x: { grid: { display: false } },
    y: { beginAtZero: true, border: { display: false }, ticks: { maxTicksLimit: 5 } },
  });

  /** A legend knows the style of points only, and no dashes. */
  const dashed = (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart)
    .map((item) => ({ ...item, lineDash: chart.data.datasets[item.datasetIndex].borderDash ?? [] }));

  const kinds = {
    bars(t) {
      const datasets = hued(t).map(([th, n]) => ({ label: th.textContent, data: column(t, n), backgroundColor: token(th.dataset.hue), maxBarThickness: 30 }));
      const { x, y } = scales();
      return { type: "bar", data: { labels: labels(t), datasets }, options: { scales: { x: { ...x, stacked: true }, y: { ...y, stacked: true } } } };
    },
    lines(t) {
      const datasets = [["ink", []], ["ink2", [5, 4]]].map(([hue, dash], n) => ({
        label: t.head[n + 1].textContent, data: column(t, n + 1), borderColor: token(hue), backgroundColor: token(hue),
        borderDash: dash, borderWidth: 2, pointRadius: 2.5, clip: 8, spanGaps: true,
      }));
      return { type: "line", data: { labels: labels(t), datasets }, options: { scales: scales(), plugins: { legend: { labels: { usePointStyle: true, pointStyle: "line", pointStyleWidth: 24, generateLabels: dashed } } } } };
    },
    care(t) {
      const datasets = hued(t).map(([th, n]) => ({ label: th.textContent, data: column(t, n), backgroundColor: token(th.dataset.hue), maxBarThickness: 14 }));
      const { x, y } = scales();
      return { type: "bar", data: { labels: labels(t), datasets }, options: { indexAxis: "y", scales: { x: { ...y, ticks: { callback: (value) => `${value} %` } }, y: x } } };
    },
    reliability(t) {
      const [stated, right, from, to] = [1, 2, 3, 4].map((n) => column(t, n));
      const points = (ys) => stated.map((x, n) => ({ x, y: ys[n] }));
      const intervals = stated.flatMap((x, n) => [{ x, y: from[n] }, { x, y: to[n] }, { x, y: NaN }]);
      const none = { pointRadius: 0, pointHitRadius: 0 };
      const datasets = [
        { label: t.head[2].textContent, data: points(right), backgroundColor: token("ink"), borderColor: token("ink"), pointRadius: 4, pointStyle: "circle", clip: 8 },
        { label: "95 % interval", data: intervals, showLine: true, borderColor: token("ink2"), borderWidth: 1.5, pointStyle: "line", ...none },
        { label: "Well calibrated", data: [{ x: 0, y: 0 }, { x: 100, y: 100 }], showLine: true, borderColor: token("edge"), borderDash: [5, 4], borderWidth: 1.5, pointStyle: "line", ...none },
      ];
      const axis = (words) => ({ min: 0, max: 100, border: { display: false }, ticks: { maxTicksLimit: 6, callback: (value) => `${value} %` }, title: { display: true, text: words } });
      return { type: "scatter", data: { datasets }, options: { scales: { x: { ...axis("Stated"), grid: { display: false } }, y: axis("Right") }, plugins: { legend: { labels: { usePointStyle: true, pointStyleWidth: 12, boxHeight: 8, generateLabels: dashed } } } } };
    },
  };

  function settle() {
    Object.assign(Chart.defaults, { color: token("ink2"), borderColor: token("line"), maintainAspectRatio: false, animation: still.matches ? false : { duration: 150 } });
    Object.assign(Chart.defaults.font, { family: getComputedStyle(document.body).fontFamily, size: 12 });
    Object.assign(Chart.defaults.plugins.legend, { position: "top", align: "start" });
    Object.assign(Chart.defaults.plugins.legend.labels, { boxWidth: 10, boxHeight: 10, padding: 12 });
  }

  function drawAll() {
    settle();
    for (const [canvas, chart] of drawn) {
      if (canvas.isConnected) continue;
      chart.destroy();
      drawn.delete(canvas);
    }
    for (const canvas of document.querySelectorAll("canvas[data-draw]")) {
      drawn.get(canvas)?.destroy();
      drawn.set(canvas, new Chart(canvas, kinds[canvas.dataset.draw](read(document.getElementById(canvas.dataset.from)))));
    }
  }

  drawAll();
  document.addEventListener("figures", drawAll); // statistics.js has put new ones in place
  // What theme.js has set, whoever asked it to.
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
