// Draws the overview's pictures from the data in the page. Without it, the tables stand open.
"use strict";
(() => {
  const told = document.getElementById("redpin-pictures");
  if (!told || typeof Chart === "undefined") return;
  const pictures = JSON.parse(told.textContent);
  const language = document.documentElement.lang || undefined;
  const compact = new Intl.NumberFormat(language, { notation: "compact" });
  const TICKS = {
    "": (value) => compact.format(value),
    percent: (value) => `${value} %`,
    hours: (value) => `${value} h`,
    days: (value) => `${value} d`,
  };
  // How each stage's pattern is drawn into a square of 8 pixels; the style sheet's swatches match.
  const lines = (points) => (pen) => {
    pen.lineWidth = 2;
    for (const [x, y, toX, toY] of points) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(toX, toY);
      pen.stroke();
    }
  };
  const PATTERNS = {
    under_way: lines([[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]]),
    returned: lines([[-2, -2, 10, 10], [6, -2, 10, 2], [-2, 6, 2, 10]]),
    review: (pen) => {
      for (const [x, y] of [[2, 2], [6, 6]]) {
        pen.beginPath();
        pen.arc(x, y, 1.5, 0, 7);
        pen.fill();
      }
    },
    open: () => {},
  };
  const LINES = {
    first: { pointStyle: "circle", borderDash: [] },
    second: { pointStyle: "triangle", borderDash: [6, 4] },
  };

  const colourOf = (element) => getComputedStyle(element).color;

  const fillOf = (tone, colour) => {
    const draw = PATTERNS[tone];
    if (!draw) return colour;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = pen.fillStyle = colour;
    pen.globalAlpha = 0.25;
    pen.fillRect(0, 0, 8, 8);
    pen.globalAlpha = 1;
    draw(pen);
    return pen.createPattern(tile, "repeat");
  };

  const datasetOf = (kind, series, place) => {
    const colour = colourOf(place.querySelector(`.redpin-tone--${series.tone}`));
    const common = { label: series.name, data: series.values, borderColor: colour };
    if (kind === "lines") {
      const line = { backgroundColor: colour, borderWidth: 2, pointRadius: 4, tension: 0 };
      return { ...common, ...line, ...LINES[series.tone] };
    }
    const bar = { borderWidth: 1, borderSkipped: false, maxBarThickness: 36 };
    return { ...common, ...bar, backgroundColor: fillOf(series.tone, colour) };
  };

  const draw = (picture) => {
    const place = document.querySelector(`[data-redpin-picture="${picture.key}"]`);
    place.hidden = false;
    const styles = getComputedStyle(place);
    const ink = styles.color;
    const line = styles.getPropertyValue("border-top-color");
    const font = { family: styles.fontFamily, size: 12 };
    const stacked = picture.kind === "bars";
    const tick = TICKS[picture.unit];
    return new Chart(place.querySelector("canvas"), {
      type: stacked ? "bar" : "line",
      data: {
        labels: picture.labels,
        datasets: picture.series.map((series) => datasetOf(picture.kind, series, place)),
      },
      options: {
        // At once and still, for whoever prefers it so and for all others.
        animation: false,
        maintainAspectRatio: false,
        locale: language,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: {
            stacked,
            grid: { display: false },
            border: { color: line },
            ticks: { color: ink, font, maxRotation: 0, autoSkipPadding: 16 },
          },
          y: {
            stacked,
            beginAtZero: true,
            max: picture.unit === "percent" ? 100 : undefined,
            grid: { color: line },
            border: { display: false },
            ticks: { color: ink, font, callback: tick, precision: stacked ? 0 : undefined, maxTicksLimit: 6 },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => Boolean(item.raw),
            callbacks: {
              label: (item) =>
                `${item.dataset.label}: ${picture.series[item.datasetIndex].texts[item.dataIndex]}`,
            },
          },
        },
      },
    });
  };

  let charts = pictures.map(draw);
  for (const numbers of document.querySelectorAll("details[data-redpin-numbers]")) {
    numbers.open = false;
  }
  // A pattern has its colours drawn into it, so another look is another picture.
  const again = () => {
    for (const chart of charts) chart.destroy();
    charts = pictures.map(draw);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  const attributeFilter = ["data-theme", "class"];
  new MutationObserver(again).observe(document.documentElement, { attributeFilter });
})();
