/**
 * The least score that a picture must have: a slider, and beside it the scores of what was found.
 *
 * A score is told of what is looked for, so that there is nothing to choose while nothing is.
 */

import { element } from "./elements.js";
import { isOpen } from "./query.js";

const STEPS = 100; // of a score of 0 to 1; at 0 any score will do

export const scoreName = (score) => `${Number(score).toFixed(2)} or more`;

export class LeastScore {
  #input = element("input", {
    type: "range", class: "filters-score", min: 0, max: STEPS, step: 1, "aria-label": "Least score", "aria-describedby": "filters-scores",
    oninput: () => this.#tell(), onchange: () => this.#choose(),
  });
  #output = element("output", { class: "filters-count" });
  #found = element("p", { class: "filters-found", id: "filters-scores" });
  #onChoose;

  /** @param {(score: number | null) => void} onChoose */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.section = element("div", { class: "filters-group", role: "group", "aria-label": "Score", hidden: true },
      element("h2", {}, "Score"),
      element("div", { class: "filters-slide" }, this.#input, this.#output),
      this.#found);
  }

  /** @param {import("./query.js").Query} query */
  show(query) {
    this.section.hidden = isOpen(query);
    this.#input.value = String(Math.round((query.minScore ?? 0) * STEPS));
    this.#tell();
  }

  /** @param {{score: number | null}[]} hits  best first */
  found(hits) {
    const scores = hits.map(({ score }) => score).filter(Number.isFinite);
    this.#found.textContent = scores.length ? `Found so far: ${scores[0].toFixed(2)} to ${scores.at(-1).toFixed(2)}` : "";
  }

  get #score() {
    const step = Number(this.#input.value);
    return step ? step / STEPS : null;
  }

  #choose() {
    this.#onChoose(this.#score);
  }

  #tell() {
    const text = this.#score === null ? "Any score" : scoreName(this.#score);
    this.#output.textContent = text;
    this.#input.setAttribute("aria-valuetext", text);
  }
}
