/** What the map is made of: a dialog over the whole page, its canvas, and what stands above it. */

import { button, element, icon } from "./elements.js";

const BY_BUTTON = 2;
const HINT = "Arrows move, plus and minus come closer and go back, zero shows all, Enter opens the picture in the middle.";

export function layout({ onZoom, onFit, onLeave }) {
  const canvas = element("canvas", {
    class: "map-canvas", tabindex: 0, role: "application", "aria-label": "Map of the collection", "aria-describedby": "map-hint",
  });
  const preview = element("img", { class: "map-preview", alt: "", hidden: true });
  const told = element("p", { class: "map-told" });
  const trouble = element("div", { class: "map-trouble" });
  const dialog = element("dialog", { class: "map-room", "aria-label": "Map of the collection" },
    canvas, preview, trouble,
    element("div", { class: "map-head" }, element("h2", {}, "Map"), told),
    element("p", { id: "map-hint", hidden: true }, HINT),
    element("div", { class: "map-leave" }, tool("Close the map", "M6 6l12 12M18 6L6 18", onLeave)),
    element("div", { class: "map-tools" },
      tool("Closer", "M12 5v14M5 12h14", () => onZoom(BY_BUTTON)),
      tool("Farther", "M5 12h14", () => onZoom(1 / BY_BUTTON)),
      tool("Show all", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", onFit)));
  return { dialog, canvas, preview, told, trouble };
}

function tool(label, drawing, onclick) {
  return button({ class: "map-tool", "aria-label": label, title: label, onclick }, icon(drawing));
}
