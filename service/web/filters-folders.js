/**
 * Folders as a tree, each branch asked for when it is opened.
 * By keyboard: up and down, right opens, left closes or goes to the folder above, Enter and Space choose.
 */

import { element, icon } from "./elements.js";

const FIRST = 12;
const MOST = 1000;

/** @param {(folders: string[]) => void} onChoose */
export function folders(onChoose) {
  const tree = new Tree(onChoose);
  return { root: tree.root, refresh: (chosen, facets) => tree.refresh(chosen, facets) };
}

class Tree {
  root = element("ul", { class: "filters-tree", role: "tree", "aria-label": "Folders", "aria-multiselectable": true });
  at = null; // the folder that has the focus
  #onChoose;
  #facets = null;
  #chosen = [];
  #open = new Set(); // folders that show what is in them
  #limits = new Map(); // of folders that show all of it
  #branches = new Map(); // of folders, "" the top: what is in them
  #isFirst = true;

  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.root.addEventListener("focusin", ({ target }) => target.role === "treeitem" && moveTo(this, target));
    this.root.addEventListener("keydown", (event) => this.#press(event));
  }

  async refresh(chosen, facets) {
    this.#chosen = chosen;
    this.#facets = facets;
    for (const prefix of chosen) ancestorsOf(prefix).forEach((each) => this.#open.add(each));
    await this.#load("");
    if (this.#isFirst) this.#openOnly();
    await Promise.all([...this.#open].map((prefix) => this.#load(prefix)));
    this.#isFirst = false;
    this.#draw();
    return this.#branch("").values.length > 0 || chosen.length > 0;
  }

  async turn(prefix, isOpen) {
    if (isOpen) {
      this.#open.add(prefix);
      await this.#load(prefix).catch(() => this.#open.delete(prefix));
    } else {
      this.#open.delete(prefix);
    }
    this.#draw();
  }

  async showAll(prefix) {
    this.#limits.set(prefix, MOST);
    await this.#load(prefix).catch(() => this.#limits.delete(prefix));
    this.#draw();
  }

  choose(prefix) {
    const isChosen = this.#chosen.includes(prefix);
    this.#onChoose(isChosen ? this.#chosen.filter((each) => each !== prefix) : [...this.#chosen, prefix]);
  }

  async #load(prefix) {
    const limit = this.#limits.get(prefix) ?? FIRST;
    this.#branches.set(prefix, await this.#facets({ field: "path", limit, prefix: prefix || null }));
  }

  #branch(prefix) {
    return this.#branches.get(prefix) ?? { values: [], other_values: 0 };
  }

  // one folder with all that there is says nothing: what is in it does
  #openOnly() {
    const [only, second] = this.#branch("").values;
    if (only && !second) this.#open.add(only.value);
  }

  #press(event) {
    const item = event.target.closest("[role=treeitem]");
    const act = item && event.target === item ? keys(event.key, item, this) : null;
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  #draw() {
    const hadFocus = this.root.contains(document.activeElement);
    this.root.replaceChildren(...this.#rows("", 1));
    const items = itemsOf(this.root);
    const current = items.find((item) => item.dataset.prefix === this.at) ?? items[0];
    if (current) current.tabIndex = 0;
    if (hadFocus) current?.focus({ preventScroll: true });
  }

  #rows(prefix, level) {
    const { values, other_values: others } = this.#branch(prefix);
    const known = values.map(({ value }) => value);
    const gone = this.#chosen.filter((each) => parentOf(each) === prefix && !known.includes(each));
    const rows = [...values, ...gone.map((value) => ({ value, count: 0 }))];
    const more = others && !this.#limits.has(prefix) ? [this.#moreRow(prefix, others, level)] : [];
    return [...rows.map(({ value, count }) => this.#row(value, count, prefix, level)), ...more];
  }

  #moreRow(prefix, others, level) {
    const name = `${others.toLocaleString("en")} more folders`;
    const item = element("li", { role: "treeitem", tabindex: -1, "aria-level": level, "aria-selected": "false" },
      element("div", { class: "filters-row filters-more", onclick: () => this.showAll(prefix) }, name));
    item.dataset.more = prefix;
    return item;
  }

  #row(prefix, count, parent, level) {
    const isOpen = this.#open.has(prefix);
    const isLeaf = isOpen && this.#branches.has(prefix) && this.#branch(prefix).values.length === 0;
    const name = prefix.slice(parent.length).replace(/\/+$/, "") || prefix;
    const item = element("li", {
      role: "treeitem", tabindex: -1, "aria-level": level, "aria-selected": String(this.#chosen.includes(prefix)),
      "aria-label": `${name}, ${count}`, "aria-expanded": isLeaf ? null : String(isOpen),
    }, this.#label(prefix, name, count, { isOpen, isLeaf }));
    item.dataset.prefix = prefix;
    if (isOpen && !isLeaf) item.append(element("ul", { role: "group" }, ...this.#rows(prefix, level + 1)));
    return item;
  }

  #label(prefix, name, count, { isOpen, isLeaf }) {
    const twist = element("span", { class: "filters-twist", onclick: () => this.turn(prefix, !isOpen) }, icon("M9 6l6 6-6 6"));
    twist.hidden = isLeaf;
    return element("div", { class: "filters-row" }, twist,
      element("span", { class: "filters-folder", onclick: () => this.choose(prefix) },
        element("span", { class: "filters-name" }, element("bdi", {}, name)),
        element("span", { class: "filters-count" }, count.toLocaleString("en"))));
  }
}

/** What a key does to a folder; null where it does nothing. */
function keys(key, item, tree) {
  const isMirrored = getComputedStyle(tree.root).direction === "rtl";
  const items = itemsOf(tree.root);
  const at = items.indexOf(item);
  const isOpen = item.getAttribute("aria-expanded") === "true";
  const opens = key === (isMirrored ? "ArrowLeft" : "ArrowRight");
  const closes = key === (isMirrored ? "ArrowRight" : "ArrowLeft");
  const prefix = item.dataset.prefix;
  const goTo = (target) => () => target?.focus();
  if (opens && item.getAttribute("aria-expanded") === "false") return () => tree.turn(prefix, true);
  if (opens || key === "ArrowDown") return goTo(items[at + 1]);
  if (closes && isOpen) return () => tree.turn(prefix, false);
  if (closes) return goTo(item.parentElement.closest("[role=treeitem]"));
  if (key === "ArrowUp") return goTo(items[at - 1]);
  if (key === "Home") return goTo(items[0]);
  if (key === "End") return goTo(items.at(-1));
  if (key !== "Enter" && key !== " ") return null;
  return item.dataset.more === undefined ? () => tree.choose(prefix) : () => tree.showAll(item.dataset.more);
}

function moveTo(tree, item) {
  for (const each of itemsOf(tree.root)) each.tabIndex = each === item ? 0 : -1;
  tree.at = item.dataset.prefix;
}

function itemsOf(root) {
  return [...root.querySelectorAll("[role=treeitem]")];
}

/** "a/b/c/" -> ["a/", "a/b/"] */
function ancestorsOf(prefix) {
  const ends = [...prefix.matchAll(/\/+/g)].map((found) => found.index + found[0].length);
  return ends.slice(0, -1).map((end) => prefix.slice(0, end));
}

function parentOf(prefix) {
  return ancestorsOf(prefix).at(-1) ?? "";
}
