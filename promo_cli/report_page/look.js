// Draws the charts one after another, so that the page can be read meanwhile, and switches the theme.
"use strict";
(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const tell = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tell();
  });
  prefersDark.addEventListener("change", tell);
  tell();

  const specs = JSON.parse(document.getElementById("charts").textContent);
  const places = [...document.querySelectorAll("[data-chart]")];
  const options = {
    mode: "vega",
    ast: true, // expressions are interpreted: no eval, which the page's policy forbids
    renderer: "svg",
    actions: false,
    defaultStyle: false,
    hover: false,
    tooltip: { disableDefaultStyle: true },
  };

  // Labels leave room for what they name; in a narrow place legends take more lines, and amounts get room
  // behind their bars.
  function fit(spec, width) {
    const most = Math.max(110, 0.42 * width);
    for (const axis of [spec.config.axis, ...spec.axes]) if (axis.labelLimit > most) axis.labelLimit = most;
    if (width >= 560) return;
    for (const legend of spec.legends || []) legend.columns = Math.floor(width / 210);
    if (typeof spec.padding === "number") spec.padding = { left: 5, top: 5, bottom: 5, right: 32 };
  }

  async function draw(place) {
    const spec = specs[place.dataset.chart];
    fit(spec, place.clientWidth);
    const label = place.getAttribute("aria-label");
    await vegaEmbed(place, spec, options);
    place.setAttribute("role", "img"); // the library puts words of its own there, in English
    place.setAttribute("aria-label", label);
    place.removeAttribute("aria-roledescription");
  }

  async function drawAll() {
    let since = performance.now();
    for (const place of places) {
      await draw(place);
      if (performance.now() - since > 50) {
        await new Promise((done) => setTimeout(done, 0));
        since = performance.now();
      }
    }
    root.dataset.drawn = String(places.length);
    root.dataset.drawnAfter = String(Math.round(performance.now())); // ms since the page was opened
  }
  drawAll();
})();
