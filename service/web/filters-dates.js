/**
 * When pictures were taken, as bars of years and of months: click one, brush over several.
 * By keyboard: arrows go from bar to bar, with Shift they brush, Enter and Space choose.
 */

import { counted, element } from "./elements.js";
import { monthName, periodName } from "./filters-choice.js";

const MOST_MONTHS = 36;
const MONTHS = 1000;

/**
 * @param {(dates: import("./filters-choice.js").Dates|null) => void} onChoose
 * @returns {{root: HTMLElement, refresh: (chosen: object|null, facets: Function) => Promise<boolean>}}
 *   refresh() says whether any picture has a date
 */
export function dates(onChoose) {
  const years = strip("Years", onChoose);
  const months = strip("Months", onChoose);
  const root = element("div", { class: "filters-dates" }, years.root, months.root);

  async function refresh(chosen, facets) {
    const asked = { field: "taken_at", by: "month", limit: MONTHS };
    // the bars are drawn against the counts of the whole collection
    const [all, now] = (await Promise.all([facets(asked, null), facets(asked)])).map(countsOf);
    const span = spanOf([...all.keys()]);
    if (!span) return false;
    const shown = chosen ? { from: chosen.from.slice(0, 4), to: chosen.to.slice(0, 4) } : span;
    const periods = monthsOf(shown);
    const bars = (names) => names.map((name) => ({ name, total: sum(all, name), count: sum(now, name) }));
    years.show(bars(yearsOf(span)), chosen);
    months.show(periods.length <= MOST_MONTHS ? bars(periods) : [], chosen);
    return true;
  }

  return { root, refresh };
}

function strip(label, onChoose) {
  const root = element("div", { class: "filters-strip", role: "group", "aria-label": label });
  const state = { bars: [], chosen: null, anchor: null, at: 0, brush: null };

  const buttons = () => [...root.querySelectorAll(".filters-bar")];
  const covered = () => state.brush ?? rangeOf(state.chosen, state.bars);

  function paint() {
    const range = covered();
    buttons().forEach((bar, i) => {
      const isIn = range !== null && i >= range[0] && i <= range[1];
      bar.setAttribute("aria-pressed", String(isIn));
      bar.tabIndex = i === state.at ? 0 : -1;
    });
  }

  function choose(a, b) {
    const [first, last] = [Math.min(a, b), Math.max(a, b)];
    const now = rangeOf(state.chosen, state.bars);
    const isSame = now && now[0] === first && now[1] === last;
    onChoose(isSame ? null : { from: state.bars[first].name, to: state.bars[last].name });
  }

  function barAt(x) {
    const found = buttons().findIndex((bar) => {
      const { left, right } = bar.getBoundingClientRect();
      return x >= left && x < right;
    });
    return found === -1 ? state.at : found;
  }

  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || state.bars.length === 0) return;
    root.setPointerCapture(event.pointerId);
    state.anchor = state.at = barAt(event.clientX);
    state.brush = [state.at, state.at];
    paint();
  });
  root.addEventListener("pointermove", (event) => {
    if (!state.brush) return;
    state.at = barAt(event.clientX);
    state.brush = [Math.min(state.anchor, state.at), Math.max(state.anchor, state.at)];
    paint();
  });
  root.addEventListener("pointerup", () => {
    if (!state.brush) return;
    const [first, last] = state.brush;
    state.brush = null;
    buttons()[state.at]?.focus({ preventScroll: true });
    choose(first, last);
  });
  root.addEventListener("pointercancel", () => {
    state.brush = null;
    paint();
  });
  root.addEventListener("click", (event) => {
    // a pointer's click was a brush over one bar; this is a key, or a screen reader
    const bar = event.detail === 0 ? event.target.closest(".filters-bar") : null;
    if (!bar) return;
    state.anchor = state.at = buttons().indexOf(bar);
    choose(state.at, state.at);
  });
  root.addEventListener("keydown", (event) => {
    const to = target(event, state, getComputedStyle(root).direction === "rtl");
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.shiftKey) state.anchor = null;
    else state.anchor ??= state.at;
    state.at = to;
    if (event.shiftKey) choose(state.anchor, to);
    paint();
    buttons()[to].focus();
  });

  function show(bars, chosen) {
    const hadFocus = root.contains(document.activeElement);
    const at = Math.max(0, bars.findIndex(({ name }) => name === state.bars[state.at]?.name));
    Object.assign(state, { bars, chosen, at });
    const highest = Math.max(1, ...bars.map(({ total, count }) => Math.max(total, count)));
    root.hidden = bars.length < 2 && label === "Months";
    root.replaceChildren(...bars.map((bar, i) => drawn(bar, i, bars.length, highest)));
    paint();
    if (hadFocus) buttons()[state.at]?.focus({ preventScroll: true });
  }

  return { root, show };
}

function drawn({ name, total, count }, i, length, highest) {
  const all = element("span", { class: "filters-all" });
  const now = element("span", { class: "filters-now" });
  all.style.blockSize = `${(100 * total) / highest}%`;
  now.style.blockSize = `${(100 * count) / highest}%`;
  const label = `${periodName(name)}: ${counted(count, "picture")}`;
  return element(
    "button",
    { type: "button", class: "filters-bar", "aria-label": label, title: label },
    element("span", { class: "filters-column" }, all, now),
    element("span", { class: "filters-tick" }, tick(name, i, length)),
  );
}

/** What stands below a bar: all where there is room, else the ends and what begins a year. */
function tick(name, i, length) {
  const [year, month] = name.split("-");
  if (month) {
    if (length <= 12) return monthName(Number(month)).slice(0, 1);
    return month === "01" || (i === 0 && Number(month) < 9) ? year : "";
  }
  if (length <= 8) return year;
  return i === 0 || i === length - 1 || (Number(year) % 10 === 0 && i > 3 && i < length - 4) ? year : "";
}

function target(event, { at, bars }, isMirrored) {
  const last = bars.length - 1;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) return Math.min(last, Math.max(0, at + (isMirrored ? -step : step)));
  if (event.key === "Home") return 0;
  return event.key === "End" ? last : null;
}

/** The first and the last bar that lie within the chosen dates; null where none does. */
function rangeOf(chosen, bars) {
  if (!chosen) return null;
  const isIn = ({ name }) => name >= chosen.from.slice(0, name.length) && name <= chosen.to.slice(0, name.length);
  const first = bars.findIndex((bar) => isIn(bar));
  return first === -1 ? null : [first, bars.findLastIndex((bar) => isIn(bar))];
}

function countsOf({ values }) {
  return new Map(values.map(({ value, count }) => [value, count]));
}

function sum(counts, period) {
  if (period.length > 4) return counts.get(period) ?? 0;
  let total = 0;
  for (const [month, count] of counts) if (month.startsWith(period)) total += count;
  return total;
}

function spanOf(months) {
  const ordered = months.filter((month) => /^\d{4}-\d\d$/.test(month)).sort();
  return ordered.length ? { from: ordered[0].slice(0, 4), to: ordered.at(-1).slice(0, 4) } : null;
}

function yearsOf({ from, to }) {
  const length = Number(to) - Number(from) + 1;
  return Array.from({ length: Math.max(0, length) }, (_, i) => String(Number(from) + i).padStart(4, "0"));
}

function monthsOf(span) {
  const twelve = Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(2, "0"));
  return yearsOf(span).flatMap((year) => twelve.map((month) => `${year}-${month}`));
}
