/** What is chosen, as chips that can be removed one by one or all at once. */

import { button, element, icon } from "./elements.js";
import { NOTHING, chipsOf } from "./filters-choice.js";

const CROSS = "M6 6l12 12M18 6L6 18";

export class Chips {
  #list = element("ul", { class: "filters-chips", "aria-label": "Filters that are on" });
  #clear;
  #on;

  /** @param {{choose(choice: import("./filters-choice.js").Choice): void, clear(): void}} on  what is left */
  constructor(root, on) {
    this.root = root;
    this.#on = on;
    this.#clear = button({ class: "filters-clear", onclick: on.clear }, "Clear all");
    root.classList.add("filters-line");
    root.replaceChildren(this.#list, this.#clear);
    this.show(NOTHING);
  }

  /** @param {{group: string, label: string, onRemove(): void}[]} [others]  that are no part of the choice */
  show(choice, others = []) {
    const own = chipsOf(choice).map((each) => ({ ...each, onRemove: () => this.#on.choose(each.without) }));
    const shown = [...own, ...others];
    const before = this.#buttons().indexOf(document.activeElement);
    const hadFocus = before !== -1 || document.activeElement === this.#clear;
    this.#list.replaceChildren(...shown.map(chip));
    this.#clear.hidden = shown.length < 2;
    this.#list.hidden = shown.length === 0;
    if (hadFocus) this.#buttons()[Math.min(Math.max(0, before), shown.length - 1)]?.focus();
  }

  #buttons() {
    return [...this.#list.querySelectorAll("button")];
  }
}

function chip({ group, label, onRemove }) {
  return element("li", {}, button(
    { class: "filters-chip", onclick: onRemove, "aria-label": `Remove filter: ${group} ${label}`, title: "Remove" },
    element("span", { class: "filters-kind" }, group),
    " ", // so that what is read aloud holds what is seen, word for word
    element("span", { class: "filters-label" }, element("bdi", {}, label)),
    icon(CROSS)));
}
