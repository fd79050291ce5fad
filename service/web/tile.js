/** One picture of the grid: a link to its full view, and what can be done with it at hand. */

import { button, element, icon } from "./elements.js";
import { thumbnailOf } from "./query.js";

const LIKE = "M4 9.5c2.5-3 5.5-3 8 0s5.5 3 8 0M4 15.5c2.5-3 5.5-3 8 0s5.5 3 8 0";
const BUT = "M4 17.5l1-4L14.5 4l3 3L8 16.5zM13 20h7";
const NOT = "M6 6l12 12M18 6L6 18";

/** What a hit is called. */
export const nameOf = ({ caption, path }) => caption || path.split("/").pop();

/**
 * The cell of a hit; it is dressed with its actions by `dress`.
 * @param {{id: string, name: string, score: number | undefined}} hit
 */
export function tile(hit, { width, height, column, href }) {
  const image = element("img", { src: thumbnailOf(hit), alt: hit.name, decoding: "async", elementtiming: "hit", draggable: "true" });
  if (!image.complete) {
    image.classList.add("coming");
    image.addEventListener("load", () => image.classList.remove("coming"), { once: true });
  }
  image.addEventListener("error", () => image.classList.replace("coming", "missing"), { once: true });
  const link = element("a", { class: "open", href, tabindex: "-1", "aria-keyshortcuts": "Enter m b x" }, image);
  const cell = element("div", { class: "tile", role: "gridcell", "aria-colindex": column }, link, about(hit));
  cell.style.width = `${width}px`;
  cell.style.height = `${height}px`;
  return cell;
}

/** Puts a tile's actions on it: `on` has like, but and not. */
export function dress(cell, hit, on) {
  if (cell.querySelector(".actions")) return;
  const actions = element(
    "div", { class: "actions" },
    action("More like this", LIKE, () => on.like(hit)),
    action("More like this, but…", BUT, () => on.but(hit)),
    action("Not this", NOT, () => on.not(hit)),
  );
  cell.append(actions);
}

/** Takes them off again. */
export function undress(cell) {
  cell.querySelector(".actions")?.remove();
}

function action(name, path, onclick) {
  return button({ class: "act", "aria-label": name, title: name, onclick }, icon(path));
}

function about({ name, score }) {
  const parts = [element("span", { class: "caption" }, name)];
  if (score !== undefined) {
    parts.push(element("span", { class: "score", title: "Similarity to the query" }, score.toFixed(3)));
  }
  return element("div", { class: "info", "aria-hidden": "true" }, ...parts);
}
