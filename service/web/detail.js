/**
 * One picture in full view: itself, what is known of it, what is near it, and what can be done with it.
 *
 * A box can be dragged on it to search by that part. What the browser cannot show, or the server does not
 * have any more, is shown by its thumbnail, and said.
 */

import { about } from "./about.js";
import { item as itemOf } from "./api.js";
import { CropBox } from "./crop.js";
import { button, element, icon } from "./elements.js";
import { Heat } from "./heat.js";
import { showNeighbours } from "./neighbours.js";
import { isAbort } from "./problem.js";
import { thumbnailOf } from "./query.js";

const CROSS = "M6 6l12 12M18 6L6 18";
const BEFORE = "M14.5 5.5L8 12l6.500 6.500";
const AFTER = "M9.500 5.500L16 12l-6.500 6.500";
const CROP = "M7 3v14h14M3 7h14v14";

/**
 * @typedef {Object} Ways
 * @property {(hit: object) => void} like
 * @property {(hit: object) => void} but
 * @property {(hit: object) => void} not
 * @property {(hit: object, box: import("./query.js").Box) => void} crop
 * @property {(id: string) => void} open
 * @property {(id: string) => string} hrefOf
 * @property {(by: 1 | -1) => void} turn  to the next or last of the pictures found
 * @property {() => void} close
 */
export class Detail {
  #dialog = document.getElementById("detail");
  #on;
  #asking = null;
  #box = null;

  /** @param {Ways} on */
  constructor(on) {
    this.#on = on;
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (this.#box?.box) this.#stopCropping();
      else on.close();
    });
    this.#dialog.addEventListener("keydown", (event) => this.#takeKey(event));
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && on.close());
  }

  /**
   * @param {string} id
   * @param {{query: import("./query.js").Query, place: {at: number, of: number} | null, canExclude: boolean}} seen
   */
  async show(id, seen) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      const item = await itemOf(id, { signal: asking.signal });
      this.#fill(item, seen, asking.signal);
    } catch (error) {
      if (isAbort(error)) return;
      if (error.name !== "Problem") throw error;
      this.#say(error.message);
    }
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  hide() {
    this.#asking?.abort();
    this.#box = null;
    if (this.#dialog.open) this.#dialog.close();
    this.#dialog.replaceChildren();
  }

  #fill(item, seen, signal) {
    const back = this.#heldFocus();
    const frame = frameOf(item);
    const near = element("div", { class: "near" });
    const heat = new Heat(frame, item, seen.query, signal);
    const panel = element("div", { class: "panel" }, about(item), this.#deeds(item, seen, frame), heat.control, near);
    this.#box = new CropBox(frame, { onChange: (box) => this.#dialog.toggleAttribute("data-chosen", Boolean(box)) });
    this.#dialog.setAttribute("aria-labelledby", "detail-name");
    this.#dialog.replaceChildren(this.#head(seen.place), element("div", { class: "stage" }, frame, this.#cropAnswers(item)), panel);
    this.#stopCropping();
    back();
    const { hrefOf, open } = this.#on;
    showNeighbours(near, item.id, { signal, hrefOf, onOpen: open });
  }

  #say(text) {
    const back = this.#heldFocus();
    this.#box = null;
    this.#dialog.removeAttribute("aria-labelledby");
    this.#dialog.replaceChildren(this.#head(null), element("p", { class: "alone", role: "alert" }, text));
    back();
  }

  /** What gives the focus back once all is drawn anew: keys reach the dialog through what has it in there. */
  #heldFocus() {
    const { activeElement } = document;
    if (!this.#dialog.contains(activeElement)) return () => {};
    const turn = `[data-turn="${activeElement.dataset.turn}"]:not(:disabled)`;
    return () => (this.#dialog.querySelector(turn) ?? this.#dialog.querySelector("button")).focus();
  }

  #head(place) {
    const turner = (by, name, path, isEnd) =>
      button({ class: "round", "data-turn": by, "aria-label": name, title: name, disabled: isEnd, onclick: () => this.#on.turn(by) }, icon(path));
    const turns = place && [
      turner(-1, "Previous picture", BEFORE, place.at === 0),
      turner(1, "Next picture", AFTER, place.at === place.of - 1),
    ];
    const close = button({ class: "round", "aria-label": "Close", title: "Close", onclick: () => this.#on.close() }, icon(CROSS));
    return element("div", { class: "detail-head" }, close, ...(turns ?? []));
  }

  #deeds(item, { canExclude }, frame) {
    const deed = (name, onclick, parts = [name]) => button({ class: "deed", onclick }, ...parts);
    return element(
      "div", { class: "deeds", role: "group", "aria-label": "With this picture" },
      deed("More like this", () => this.#on.like(item)),
      deed("More like this, but…", () => this.#on.but(item)),
      canExclude ? deed("Not this", () => this.#on.not(item)) : null,
      deed("Choose a part", () => this.#startCropping(frame), [icon(CROP), "Choose a part"]),
      element("a", { class: "deed", href: item.image_url, target: "_blank", rel: "noopener" }, "The original"),
    );
  }

  #cropAnswers(item) {
    return element(
      "div", { class: "crop-answers" },
      button({ class: "go", onclick: () => this.#search(item) }, "Search with this part"),
      button({ class: "quiet", onclick: () => this.#stopCropping() }, "Cancel"),
    );
  }

  #search(item) {
    if (this.#box?.box) this.#on.crop(item, this.#box.box);
  }

  #startCropping(frame) {
    frame.setAttribute("data-cropping", "");
    this.#box.begin();
  }

  #stopCropping() {
    this.#dialog.querySelector(".frame")?.removeAttribute("data-cropping");
    this.#box?.clear();
  }

  #takeKey(event) {
    const { key, target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches("input")) return;
    const isTurned = getComputedStyle(this.#dialog).direction === "rtl";
    const by = { ArrowRight: isTurned ? -1 : 1, ArrowLeft: isTurned ? 1 : -1 }[key];
    if (key === "Enter" && target.matches(".crop")) this.#dialog.querySelector(".crop-answers .go").click();
    else if (by && !target.closest(".crop")) this.#on.turn(by);
    else return;
    event.preventDefault();
  }
}

/** The picture over its thumbnail, in a box of just its size. */
function frameOf(item) {
  const name = item.caption || item.path;
  const below = element("img", { class: "below", src: thumbnailOf(item), alt: "", draggable: "false" });
  const image = element("img", { class: "whole", src: item.image_url, alt: name, draggable: "false" });
  const frame = element("div", { class: "frame", title: "Drag a box to search by a part" }, below, image);
  image.addEventListener("load", () => below.remove(), { once: true });
  image.addEventListener("error", () => {
    image.remove();
    below.alt = name;
    frame.append(element("p", { class: "missing-note" }, "The original cannot be shown here; this is its small picture."));
  }, { once: true });
  frame.style.setProperty("--ratio", item.width / item.height);
  frame.style.setProperty("--wide", `${item.width}px`);
  return frame;
}
