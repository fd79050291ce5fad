/** "Why this one?": where the words of the query are seen, a picture keeps its colours; the rest goes dark. */

import { heatmap } from "./api.js";
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
  #address = "";

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
    this.#takeOff();
    this.#say(!isOn, "");
    if (!isOn) this.#show();
  }

  async #show() {
    this.#say(true, "Looking…");
    const name = `Where “${this.#text}” is seen`;
    try {
      const picture = await heatmap(this.#item.id, this.#text, { signal: this.#signal });
      if (this.#toggle.getAttribute("aria-pressed") === "false") return;
      const src = this.#frame.querySelector("img").src;
      this.#map = element("img", { class: "heat", alt: name, src, draggable: "false" });
      this.#address = URL.createObjectURL(picture);
      this.#map.style.maskImage = `url("${this.#address}")`;
      this.#frame.append(this.#map);
      this.#say(true, `${name}: what keeps its colours.`);
    } catch (error) {
      if (isAbort(error)) return;
      this.#say(false, error.code === "no_heatmap" ? "This model cannot say: it sees pictures as a whole." : error.message);
    }
  }

  #takeOff() {
    if (!this.#map) return;
    URL.revokeObjectURL(this.#address);
    this.#map.remove();
    this.#map = null;
  }

  #say(isOn, text) {
    this.#toggle.setAttribute("aria-pressed", String(isOn));
    this.#frame.toggleAttribute("data-heat", Boolean(this.#map));
    this.#status.textContent = text;
  }
}
