/** The trail as it is seen: every step in order, the one that is looked at, and where ways part. */

import { described, partsOf } from "./asked.js";
import { button, element, icon } from "./elements.js";
import { childrenOf, lineThrough, undo } from "./trail.js";

const BACK = "M9 6l-5 5 5 5M4 11h10a6 6 0 0 1 6 6v1";
const FORK = "M6 5v6a4 4 0 0 0 4 4h8M6 11v8M15 12l3 3-3 3";

export class Steps {
  #root;
  #onGo;

  /** @param {HTMLElement} root @param {{onGo(at: number): void}} on */
  constructor(root, { onGo }) {
    this.#root = root;
    this.#onGo = onGo;
  }

  /** @param {import("./trail.js").Trail} trail */
  show(trail) {
    this.#root.hidden = trail.steps.length < 2;
    if (this.#root.hidden) return this.#root.replaceChildren();
    const line = lineThrough(trail);
    const steps = line.map((at, i) => this.#step(trail, at, line[i + 1]));
    const list = element("ol", {}, ...steps);
    this.#root.replaceChildren(this.#undo(trail), list);
    const now = list.querySelector('[aria-current="step"]');
    list.scrollTo({ left: now.offsetLeft - list.clientWidth / 2 });
  }

  #undo(trail) {
    const { at } = undo(trail);
    const isFirst = at === trail.at;
    return button(
      { class: "undo quiet", "aria-label": "Undo the last step", title: "Undo (Ctrl Z)", disabled: isFirst, onclick: () => this.#onGo(at) },
      icon(BACK),
    );
  }

  #step(trail, at, next) {
    const { query } = trail.steps[at];
    const go = button(
      {
        class: "step", title: described(query),
        "aria-current": at === trail.at && "step", onclick: () => this.#onGo(at),
      },
      ...partsOf(query),
    );
    const others = childrenOf(trail, at).filter((child) => child !== next);
    return element("li", {}, go, ...(others.length ? this.#branches(trail, at, others) : []));
  }

  /** The ways that went on from a step besides the one that is shown. */
  #branches(trail, at, others) {
    const id = `ways-${at}`;
    const label = others.length === 1 ? "One other way from here" : `${others.length} other ways from here`;
    const ways = others.map((other) => {
      const { query } = trail.steps[other];
      const go = button({ class: "step", onclick: () => this.#onGo(other) }, ...partsOf(query));
      return element("li", {}, go);
    });
    const menu = element("ul", { id, class: "ways", popover: "auto", "aria-label": label }, ...ways);
    const opener = button({ class: "fork quiet", popovertarget: id, "aria-label": label, title: label }, icon(FORK));
    menu.addEventListener("beforetoggle", () => putBelow(menu, opener));
    return [opener, menu];
  }
}

function putBelow(menu, opener) {
  const { bottom, left } = opener.getBoundingClientRect();
  menu.style.top = `${bottom + 4}px`;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - 300))}px`;
}
