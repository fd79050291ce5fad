/**
 * A sheet to draw on, and to search with.
 *
 * openSketch() -> Promise<File | null>: a dialog; the drawing as a PNG file of SIDE pixels square on its
 * paper, or null where it was given up. Pointer, pen (its pressure makes the line wider) and touch; by keyboard
 * the arrows move a cursor over the sheet and the space bar puts the pen down and lifts it.
 */

import { button, element } from "./elements.js";
import { drawByKeys, drawByPointer } from "./sketch-hands.js";
import { SIDE, makeSheet } from "./sketch-sheet.js";
import { Tools } from "./sketch-tools.js";

/** @returns {Promise<File|null>} */
export function openSketch() {
  return new Promise((resolve) => new Sketch(resolve).open());
}

class Sketch {
  #end;
  #canvas = element("canvas", {
    class: "sketch-sheet", width: SIDE, height: SIDE, tabindex: 0, role: "application",
    "aria-label": "Drawing sheet. Arrows move, space puts the pen down and lifts it.",
  });
  #cursor = element("span", { class: "sketch-cursor", "aria-hidden": "true", hidden: true });
  #sheet = makeSheet(this.#canvas, () => this.#show());
  #tools = new Tools(this.#sheet, this.#canvas);
  #done = button({ class: "sketch-done", disabled: true, onclick: async () => this.#close(await this.#sheet.file()) }, "Search with it");
  #dialog;

  /** @param {(file: File|null) => void} end */
  constructor(end) {
    this.#end = end;
    const leave = button({ class: "sketch-leave", onclick: () => this.#close(null) }, "Cancel");
    this.#dialog = element("dialog", { class: "sketch", "aria-label": "Draw what you look for" },
      element("div", { class: "sketch-head" }, element("h2", {}, "Draw it"), leave, this.#done),
      element("div", { class: "sketch-body" },
        element("div", { class: "sketch-frame" }, this.#canvas, this.#cursor), this.#tools.root));
    drawByPointer(this.#canvas, this.#sheet, () => this.#tools.pen, () => (this.#cursor.hidden = true));
    drawByKeys(this.#canvas, this.#cursor, this.#sheet, () => this.#tools.pen);
    this.#dialog.addEventListener("keydown", (event) => this.#press(event));
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close(null);
    });
  }

  open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#canvas.focus({ preventScroll: true });
    this.#show();
  }

  #show() {
    this.#done.disabled = this.#sheet.isBlank();
    this.#tools.show();
  }

  #close(file) {
    this.#dialog.close();
    this.#dialog.remove();
    this.#end(file);
  }

  #press(event) {
    event.stopPropagation(); // the page's own keys are not for a drawing
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (event.shiftKey) this.#sheet.redo();
    else this.#sheet.undo();
  }
}
