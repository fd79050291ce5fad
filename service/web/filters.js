/**
 * Filters of a search: what is chosen as chips, and a panel to choose from, with counts.
 *
 * mountFilters(root, { onChange(filter | null), chips }) -> { update(query), recount() }
 * The panel fills `root`, which whoever mounts it shows and hides; the chips go into `chips`, an element that
 * stays in sight, or above the panel unless one is given. Counts are of the collection under all other
 * filters, by GET /v1/facets; they are asked for while the panel is in sight. update() takes over whatever
 * filter a query has, so that addresses restore the panel; recount() is for a collection that has changed.
 */

import { facets } from "./api.js";
import { button, counted, element, icon } from "./elements.js";
import { NOTHING, chipsOf, choiceOf, filterOf } from "./filters-choice.js";
import { dates } from "./filters-dates.js";
import { folders } from "./filters-folders.js";
import { counting, sizes, values } from "./filters-values.js";
import { isAbort } from "./problem.js";

const CROSS = "M6 6l12 12M18 6L6 18";

export function mountFilters(root, { onChange, chips = element("div") }) {
  const list = element("ul", { class: "filters-chips", "aria-label": "Filters that are on" });
  const clear = button({ class: "filters-clear", onclick: () => choose(NOTHING) }, "Clear all");
  const status = element("p", { class: "filters-status", role: "status" });
  const panel = element("div", { class: "filters-panel", role: "group", "aria-label": "Filters" }, status);
  const state = { choice: NOTHING, counted: null, asking: null, isSeen: false };
  const groups = groupsOf((part) => choose({ ...state.choice, ...part }));

  function choose(choice) {
    take(choice);
    onChange(filterOf(choice));
  }

  function take(choice) {
    state.choice = choice;
    drawChips();
    if (state.isSeen) refresh();
  }

  function drawChips() {
    const shown = chipsOf(state.choice);
    const before = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    const hadFocus = before !== -1 || document.activeElement === clear;
    list.replaceChildren(...shown.map((each) => chip(each, () => choose(each.without))));
    clear.hidden = shown.length < 2;
    list.hidden = shown.length === 0;
    if (hadFocus) list.querySelectorAll("button")[Math.min(Math.max(0, before), shown.length - 1)]?.focus();
  }

  async function refresh() {
    const filter = filterOf(state.choice);
    const key = JSON.stringify(filter);
    if (state.counted === key) return;
    state.asking?.abort();
    const { signal } = (state.asking = new AbortController());
    state.counted = key;
    panel.setAttribute("aria-busy", "true");
    const all = facets({ field: "format", limit: 1, filter }, { signal }).then(({ items }) => items, () => null);
    const shown = await Promise.all(groups.map((group) => refreshGroup(group, state.choice, signal)));
    const total = await all;
    if (signal.aborted) return;
    panel.removeAttribute("aria-busy");
    // what could not be told is asked again next time
    if (shown.includes(null) || total === null) state.counted = null;
    status.textContent = statusOf(shown, total);
  }

  function seen(isSeen) {
    state.isSeen = isSeen;
    if (isSeen) return refresh();
    state.asking?.abort();
    state.counted = null; // pictures may have come meanwhile
    return undefined;
  }

  panel.append(...groups.map(({ section }) => section));
  chips.classList.add("filters-line");
  chips.replaceChildren(list, clear);
  root.replaceChildren(...(chips.isConnected ? [panel] : [chips, panel]));
  new IntersectionObserver(([{ isIntersecting }]) => seen(isIntersecting)).observe(panel);
  drawChips();

  return {
    /** @param {import("./query.js").Query} query */
    update({ filter }) {
      if (JSON.stringify(filter) !== JSON.stringify(filterOf(state.choice))) take(choiceOf(filter));
    },
    recount() {
      state.counted = null;
      if (state.isSeen) refresh();
    },
  };
}

function statusOf(shown, total) {
  if (total === null) return "The counts cannot be told now.";
  if (!shown.some(Boolean)) return "There is nothing to filter by here.";
  return `${counted(total, "picture")} in this collection ${total === 1 ? "fits" : "fit"}.`;
}

function groupsOf(choose) {
  return [
    group("Taken", "filters-wide", dates((chosen) => choose({ dates: chosen })), ({ dates: chosen }) => chosen, { dates: null }),
    group("Folders", "", folders((chosen) => choose({ folders: chosen })), ({ folders: chosen }) => chosen, { folders: [] }),
    group("Camera", "", values({ label: "Camera", field: "camera" }, (chosen) => choose({ cameras: chosen })),
      ({ cameras }) => cameras, { cameras: [] }),
    // pictures have several tags, of which all that are chosen must be there
    group("Tags", "", values({ label: "Tags", field: "tags" }, (chosen) => choose({ tags: chosen })), ({ tags }) => tags, {}),
    group("Size", "", sizes((chosen) => choose({ sizes: chosen })), ({ sizes: chosen }) => chosen, { sizes: [] }),
  ];
}

function group(title, shape, part, chosenOf, own) {
  const section = element("div", { class: `filters-group ${shape}`, role: "group", "aria-label": title, hidden: true },
    element("h2", {}, title), part.root);
  return { section, refresh: part.refresh, chosenOf, own };
}

/** Whether there is anything to choose; null where it cannot be told. */
async function refreshGroup({ section, refresh, chosenOf, own }, choice, signal) {
  try {
    const isAny = await refresh(chosenOf(choice), counting(facets, choice, own, signal));
    section.hidden = !isAny;
    return isAny;
  } catch (error) {
    if (!isAbort(error)) section.hidden = true;
    return null;
  }
}

function chip({ group: name, label }, onRemove) {
  return element("li", {}, button(
    { class: "filters-chip", onclick: onRemove, "aria-label": `Remove filter: ${name} ${label}`, title: "Remove" },
    element("span", { class: "filters-kind" }, name),
    element("span", { class: "filters-label" }, label),
    icon(CROSS)));
}
