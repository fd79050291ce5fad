/**
 * Folders as a tree, each branch asked for when it is opened.
 * By keyboard: up and down, right opens, left closes or goes to the folder above, Enter and Space choose.
 */

import { element, icon } from "./elements.js";

const FIRST = 12;
const MOST = 1000;
const SOURCE = "path";

/** @param {(folders: string[]) => void} onChoose */
export function folders(onChoose) {
  const root = element("ul", { class: "filters-tree", role: "tree", "aria-label": "Folders", "aria-multiselectable": true });
  const state = { chosen: [], open: new Set(), limits: new Map(), branches: new Map(), at: null, facets: null, isFirst: true };

  async function refresh(chosen, facets) {
    state.chosen = chosen;
    state.facets = facets;
    for (const prefix of chosen) ancestorsOf(prefix).forEach((each) => state.open.add(each));
    await load("");
    if (state.isFirst) await openOnly();
    await Promise.all([...state.open].map(load));
    state.isFirst = false;
    draw();
    return branchOf("").values.length > 0 || chosen.length > 0;
  }

  const branchOf = (prefix) => state.branches.get(prefix) ?? { values: [], other_values: 0 };

  async function load(prefix) {
    const limit = state.limits.get(prefix) ?? FIRST;
    const asked = { field: SOURCE, limit, ...(prefix ? { prefix } : {}) };
    state.branches.set(prefix, await state.facets(asked));
  }

  // one folder with all that there is says nothing: what is in it does
  async function openOnly() {
    const [only, second] = branchOf("").values;
    if (only && !second) state.open.add(only.value);
  }

  async function turn(prefix, isOpen) {
    if (isOpen) {
      state.open.add(prefix);
      await load(prefix).catch(() => state.open.delete(prefix));
    } else {
      state.open.delete(prefix);
    }
    draw();
  }

  async function showAll(prefix) {
    state.limits.set(prefix, MOST);
    await load(prefix).catch(() => state.limits.delete(prefix));
    draw();
  }

  function choose(prefix) {
    const isChosen = state.chosen.includes(prefix);
    onChoose(isChosen ? state.chosen.filter((each) => each !== prefix) : [...state.chosen, prefix]);
  }

  function draw() {
    const hadFocus = root.contains(document.activeElement);
    root.replaceChildren(...branch("", 1));
    const items = itemsOf(root);
    const current = items.find((item) => item.dataset.prefix === state.at) ?? items[0];
    if (current) current.tabIndex = 0;
    if (hadFocus) current?.focus({ preventScroll: true });
  }

  function branch(prefix, level) {
    const { values, other_values: others } = branchOf(prefix);
    const known = values.map(({ value }) => value);
    const gone = state.chosen.filter((each) => parentOf(each) === prefix && !known.includes(each));
    const rows = [...values, ...gone.map((value) => ({ value, count: 0 }))];
    const more = others && !state.limits.has(prefix) ? [moreRow(prefix, others, level)] : [];
    return [...rows.map(({ value, count }) => row(value, count, prefix, level)), ...more];
  }

  function moreRow(prefix, others, level) {
    const name = `${others.toLocaleString("en")} more folders`;
    const item = element("li", { role: "treeitem", tabindex: -1, "aria-level": level, "aria-selected": "false" },
      element("div", { class: "filters-row filters-more", onclick: () => showAll(prefix) }, name));
    item.dataset.more = prefix;
    return item;
  }

  function row(prefix, count, parent, level) {
    const isOpen = state.open.has(prefix);
    const isLeaf = isOpen && state.branches.has(prefix) && branchOf(prefix).values.length === 0;
    const name = prefix.slice(parent.length).replace(/\/+$/, "") || prefix;
    const twist = element("span", { class: "filters-twist", onclick: () => turn(prefix, !isOpen) }, icon("M9 6l6 6-6 6"));
    twist.hidden = isLeaf;
    const label = element("span", { class: "filters-folder", onclick: () => choose(prefix) },
      element("span", { class: "filters-name" }, name), element("span", { class: "filters-count" }, count.toLocaleString("en")));
    const item = element("li", {
      role: "treeitem", tabindex: -1, "aria-level": level,
      "aria-selected": String(state.chosen.includes(prefix)), "aria-label": `${name}, ${count}`,
      "aria-expanded": isLeaf ? null : String(isOpen),
    }, element("div", { class: "filters-row" }, twist, label));
    item.dataset.prefix = prefix;
    if (isOpen && !isLeaf) item.append(element("ul", { role: "group" }, ...branch(prefix, level + 1)));
    return item;
  }

  root.addEventListener("focusin", ({ target }) => {
    if (target.role === "treeitem") moveTo(root, target, state);
  });
  root.addEventListener("keydown", (event) => {
    const item = event.target.closest("[role=treeitem]");
    const act = item && event.target === item ? keys(event.key, item, root, { turn, choose, showAll }) : null;
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });

  return { root, refresh };
}

function keys(key, item, root, { turn, choose, showAll }) {
  const isMirrored = getComputedStyle(root).direction === "rtl";
  const items = itemsOf(root);
  const at = items.indexOf(item);
  const isOpen = item.getAttribute("aria-expanded") === "true";
  const opens = key === (isMirrored ? "ArrowLeft" : "ArrowRight");
  const closes = key === (isMirrored ? "ArrowRight" : "ArrowLeft");
  const prefix = item.dataset.prefix;
  const goTo = (target) => () => target?.focus();
  if (opens && item.getAttribute("aria-expanded") === "false") return () => turn(prefix, true);
  if (opens || key === "ArrowDown") return goTo(items[at + 1]);
  if (closes && isOpen) return () => turn(prefix, false);
  if (closes) return goTo(item.parentElement.closest("[role=treeitem]"));
  if (key === "ArrowUp") return goTo(items[at - 1]);
  if (key === "Home") return goTo(items[0]);
  if (key === "End") return goTo(items.at(-1));
  if (key !== "Enter" && key !== " ") return null;
  return item.dataset.more === undefined ? () => choose(prefix) : () => showAll(item.dataset.more);
}

function moveTo(root, item, state) {
  for (const each of itemsOf(root)) each.tabIndex = each === item ? 0 : -1;
  state.at = item.dataset.prefix;
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
