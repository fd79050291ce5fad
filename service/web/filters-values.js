/** Values with a box to tick, the most frequent first: cameras, tags, sizes. */

import { button, element } from "./elements.js";
import { SIZES, filterOf, joined } from "./filters-choice.js";

const FIRST = 8;
const MOST = 1000;
const SHOWN = 100;
const SEARCHABLE = 20;

/**
 * @param {{label: string, field: string}} group
 * @param {(values: (string|number)[]) => void} onChoose
 * @returns {{root: HTMLElement, refresh: Function}} refresh(chosen, facets) says whether there are any
 */
export function values({ label, field }, onChoose) {
  const list = element("ul", { class: "filters-values", "aria-label": label });
  const find = element("input", {
    type: "search", class: "filters-find", placeholder: "Find", "aria-label": `Find in ${label.toLowerCase()}`, oninput: () => draw(),
  });
  const more = button({ class: "filters-more", onclick: showAll });
  const root = element("div", {}, find, list, more);
  const state = { chosen: [], answer: { values: [], other_values: 0 }, limit: FIRST, facets: null };

  async function refresh(chosen, facets) {
    Object.assign(state, { chosen, facets });
    state.answer = await facets({ field, limit: state.limit });
    draw();
    return state.answer.values.length > 0 || chosen.length > 0;
  }

  async function showAll() {
    state.limit = MOST;
    await refresh(state.chosen, state.facets).catch(() => (state.limit = FIRST));
    (find.hidden ? list.querySelector("input") : find)?.focus();
  }

  function choose(value, isOn) {
    onChoose(isOn ? [...state.chosen, value] : state.chosen.filter((each) => each !== value));
  }

  function draw() {
    const { values: found, other_values: others } = state.answer;
    const sought = find.value.trim().toLowerCase();
    const known = found.map(({ value }) => value);
    const gone = state.chosen.filter((value) => !known.includes(value)).map((value) => ({ value, count: 0 }));
    const fitting = [...gone, ...found].filter(({ value }) => String(value).toLowerCase().includes(sought));
    keepingFocus(list, () =>
      list.replaceChildren(...fitting.slice(0, SHOWN).map(({ value, count }) =>
        box({ name: String(value), count, isOn: state.chosen.includes(value) }, (isOn) => choose(value, isOn)))));
    find.hidden = state.limit === FIRST || found.length < SEARCHABLE;
    more.hidden = !others || state.limit === MOST;
    more.textContent = `${others.toLocaleString("en")} more`;
  }

  return { root, refresh };
}

/** The four sizes, each counted by its own filter. */
export function sizes(onChoose) {
  const root = element("ul", { class: "filters-values", "aria-label": "Size" });

  async function refresh(chosen, facets) {
    const answers = await Promise.all(
      SIZES.map(({ filter }) => facets({ field: "format", limit: 1 }, filter)),
    );
    keepingFocus(root, () =>
      root.replaceChildren(...SIZES.map(({ name, label, hint }, i) =>
        box({ name: label, hint, count: answers[i].items, isOn: chosen.includes(name) }, (isOn) =>
          onChoose(isOn ? [...chosen, name] : chosen.filter((each) => each !== name))))));
    return answers.some(({ items }) => items > 0) || chosen.length > 0;
  }

  return { root, refresh };
}

function box({ name, hint, count, isOn }, onTurn) {
  const input = element("input", { type: "checkbox", onchange: () => onTurn(input.checked) });
  input.checked = isOn;
  input.dataset.name = name;
  const label = element("label", { class: count || isOn ? "filters-value" : "filters-value filters-none" },
    input,
    element("span", { class: "filters-name", title: name }, element("bdi", {}, name), hint ? element("small", {}, ` ${hint}`) : null),
    element("span", { class: "filters-count" }, count.toLocaleString("en")));
  return element("li", {}, label);
}

function keepingFocus(list, change) {
  const name = list.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
  change();
  if (name !== undefined) [...list.querySelectorAll("input")].find((input) => input.dataset.name === name)?.focus();
}

/**
 * Asks for counts under all that is chosen but what the given group itself says.
 * The function that it returns takes a further filter; null counts the whole collection.
 */
export function counting(ask, choice, own, signal) {
  const others = filterOf({ ...choice, ...own });
  return (asked, further) => {
    const filter = further === null ? null : joined([others, further ?? null]);
    return ask({ ...asked, filter }, { signal });
  };
}
