/**
 * What stands around query and pictures: the welcome, filters, the map, adding, the sheet to draw on, the
 * choice of a composer, and a word about the collection. What is rarely used is loaded when it is.
 */

import { collection, models } from "./api.js";
import { announce, counted, element } from "./elements.js";
import { mountFilters } from "./filters.js";
import { showKeys } from "./keys.js";
import { isEmpty, isSame, withParts } from "./query.js";
import { findExamples, showState, stateOf, welcome } from "./states.js";

const $ = (id) => document.getElementById(id);

export class Places {
  #on;
  #filters;
  #map = null;
  #shown = null; // the query
  #adding = null;
  #examples = null; // asked for once, when there is a welcome to show

  /** @param {{ask, change, query, open, useFile, refresh}} on  app.js's ways to go on */
  constructor(on) {
    this.#on = on;
    const onChange = (parts) => on.change(withParts(on.query(), parts));
    this.#filters = mountFilters($("filters"), { onChange, chips: $("chips") });
    $("show-filters").addEventListener("click", turnFilters);
    $("show-map").addEventListener("click", () => this.#turnMap());
    $("show-adding").addEventListener("click", () => this.add());
    $("sketch").addEventListener("click", () => this.#draw());
    $("scores").addEventListener("click", turnScores);
    $("show-keys").addEventListener("click", showKeys);
    $("composer").addEventListener("change", () => this.#compose());
    this.#tellAbout();
  }

  /** What belongs to a query that is shown; resolves when all that stands above the pictures is there. */
  async show(query) {
    if (this.#shown && !isSame(this.#shown, query)) this.#map?.hide(); // its pictures lie below
    this.#shown = query;
    this.#filters.update(query);
    $("welcome").hidden = !isEmpty(query);
    if (isEmpty(query)) await this.#welcome();
  }

  /** What only the answer tells. */
  async answered({ kind, composer, hits }) {
    this.#filters.answered(hits);
    $("composing").hidden = true;
    $("scores").hidden = kind === "open";
    if (kind !== "composed") return;
    const { data: [model] } = await models();
    const names = model.composers.map((name) => element("option", { value: name }, name));
    $("composer").replaceChildren(...names);
    $("composer").value = composer;
    $("composer").dataset.default = model.default_composer;
    $("composing").hidden = names.length < 2;
  }

  /** Opens the panel to add pictures in; what is given joins at once: a DataTransfer, or files. */
  async add(given = null) {
    if (!this.#adding) {
      const { mountAdding } = await import("./adding.js");
      this.#adding = mountAdding($("adding"), { onAdded: () => this.#refresh() });
    }
    if (given) this.#adding.add(given);
    else this.#adding.open();
  }

  /** A failure beside the pictures, which stay. */
  fail(problem, onRetry) {
    const retry = () => {
      showState($("state"), null);
      onRetry();
    };
    showState($("state"), stateOf(problem), { problem, onRetry: retry, onCancel: () => showState($("state"), null) });
    scrollTo({ top: 0 });
  }

  say(text) {
    $("status").textContent = text;
  }

  #refresh() {
    this.#examples = null;
    this.#tellAbout();
    this.#filters.recount();
    this.#on.refresh();
  }

  async #welcome() {
    this.#examples ??= Promise.all([collection(), findExamples()]);
    const seen = { onTry: this.#on.ask, onAdd: () => this.add() };
    try {
      const [about, examples] = await this.#examples;
      welcome($("welcome"), { ...seen, collection: about, examples });
    } catch {
      this.#examples = null;
      welcome($("welcome"), seen); // the pictures below say what is the matter
    }
  }

  async #turnMap() {
    if (!this.#map) {
      const { mountMap } = await import("./map.js");
      const onClose = () => {
        $("show-map").setAttribute("aria-expanded", "false");
        $("show-map").focus();
      };
      this.#map = mountMap($("map"), { onPick: ({ id }) => this.#on.open(id), onClose });
    }
    const isOpen = $("show-map").getAttribute("aria-expanded") === "true";
    if (isOpen) return this.#map.hide();
    $("show-map").setAttribute("aria-expanded", "true");
    return this.#map.show();
  }

  async #draw() {
    const { openSketch } = await import("./sketch.js");
    const file = await openSketch();
    if (file) this.#on.useFile(file);
  }

  #compose() {
    const { value, dataset } = $("composer");
    this.#on.change(withParts(this.#on.query(), { composer: value === dataset.default ? null : value }));
  }

  async #tellAbout() {
    try {
      const { items, model } = await collection();
      $("about").textContent = `${counted(items, "picture")} · model ${model}`;
    } catch {
      $("about").textContent = ""; // the pictures themselves say what is the matter
    }
  }
}

function turnFilters() {
  const isOpen = $("show-filters").getAttribute("aria-expanded") !== "true";
  $("show-filters").setAttribute("aria-expanded", String(isOpen));
  $("filters").hidden = !isOpen;
}

function turnScores() {
  const isOn = $("scores").getAttribute("aria-pressed") !== "true";
  $("scores").setAttribute("aria-pressed", String(isOn));
  document.body.toggleAttribute("data-scores", isOn);
  announce(isOn ? "Scores are shown" : "Scores are hidden");
}
