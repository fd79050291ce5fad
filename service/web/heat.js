/** "Why this one?": where in a picture the words of the query are seen, laid over it. */

import { heatmap, heatmapUrl } from "./api.js";
import { button, element } from "./elements.js";
import { isAbort } from "./problem.js";

export class Heat {
  #frame;
  #item;
  #text;
  #signal;
  #toggle;
  #status = element("p", { class: "faint", role: "status" });
  #map = null;

  /**
   * @param {HTMLElement} frame  of just the picture's size
   * @param {object} item
   * @param {import("./query.js").Query} query  without words, there is nothing to explain
   * @param {AbortSignal} signal
   */
  constructor(frame, item, query, signal) {
    this.#frame = frame;
    this.#item = item;
    this.#text = query.texts.at(-1) ?? null;
    this.#signal = signal;
    this.#toggle = button({ class: "deed", "aria-pressed": "false", onclick: () => this.#turn() }, "Why this one?");
  }

  /** What turns it on and off; null where nothing was said. */
  get control() {
    return this.#text && element("div", { class: "why" }, this.#toggle, this.#status);
  }

  #turn() {
    const isOn = this.#toggle.getAttribute("aria-pressed") === "true";
    this.#toggle.setAttribute("aria-pressed", String(!isOn));
    this.#map?.remove();
    this.#map = null;
    this.#status.textContent = "";
    if (!isOn) this.#show();
  }

  #show() {
    this.#status.textContent = "Looking…";
    const name = `Where “${this.#text}” is seen`;
    const map = element("img", { class: "heat", alt: name, src: heatmapUrl(this.#item.id, this.#text), draggable: "false" });
    this.#map = map;
    map.addEventListener("load", () => (this.#status.textContent = `${name}: the brighter, the more.`), { once: true });
    map.addEventListener("error", () => this.#explain(map), { once: true });
    this.#frame.append(map);
  }

  /** A picture that fails does not tell why; the same as JSON does. */
  async #explain(map) {
    map.remove();
    this.#toggle.setAttribute("aria-pressed", "false");
    try {
      await heatmap(this.#item.id, this.#text, { signal: this.#signal });
      this.#status.textContent = "The map cannot be shown here.";
    } catch (error) {
      if (!isAbort(error)) this.#status.textContent = error.message;
    }
  }
}
