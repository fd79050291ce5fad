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
  const years = new Strip("Years", onChoose);
  const months = new Strip("Months", onChoose);
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

/** Bars side by side, of which one has the focus and several may be chosen together. */
class Strip {
  #onChoose;
  #bars = [];
  #chosen = null;
  #at = 0; // the bar that has the focus
  #anchor = null; // the bar that a brush began at
  #brush = null; // [first, last] while it is drawn

  constructor(label, onChoose) {
    this.#onChoose = onChoose;
    this.root = element("div", { class: "filters-strip", role: "group", "aria-label": label });
    this.root.addEventListener("pointerdown", (event) => this.#begin(event));
    this.root.addEventListener("pointermove", (event) => this.#extend(event));
    this.root.addEventListener("pointerup", () => this.#end());
    this.root.addEventListener("pointercancel", () => this.#giveUp());
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {{name: string, total: number, count: number}[]} bars */
  show(bars, chosen) {
    const hadFocus = this.root.contains(document.activeElement);
    this.#at = Math.max(0, bars.findIndex(({ name }) => name === this.#bars[this.#at]?.name));
    this.#bars = bars;
    this.#chosen = chosen;
    const highest = Math.max(1, ...bars.map(({ total, count }) => Math.max(total, count)));
    this.root.hidden = bars.length === 0;
    this.root.replaceChildren(...bars.map((bar, i) => drawn(bar, i, bars.length, highest)));
    this.#paint();
    if (hadFocus) this.#buttons[this.#at]?.focus({ preventScroll: true });
  }

  get #buttons() {
    return [...this.root.querySelectorAll(".filters-bar")];
  }

  #paint() {
    const range = this.#brush ?? rangeOf(this.#chosen, this.#bars);
    this.#buttons.forEach((bar, i) => {
      const isIn = range !== null && i >= range[0] && i <= range[1];
      bar.setAttribute("aria-pressed", String(isIn));
      bar.tabIndex = i === this.#at ? 0 : -1;
    });
  }

  #choose(a, b) {
    const [first, last] = [Math.min(a, b), Math.max(a, b)];
    const now = rangeOf(this.#chosen, this.#bars);
    const isSame = now && now[0] === first && now[1] === last;
    this.#onChoose(isSame ? null : { from: this.#bars[first].name, to: this.#bars[last].name });
  }

  #barAt(x) {
    const found = this.#buttons.findIndex((bar) => {
      const { left, right } = bar.getBoundingClientRect();
      return x >= left && x < right;
    });
    return found === -1 ? this.#at : found;
  }

  #begin(event) {
    if (event.button !== 0 || this.#bars.length === 0) return;
    this.root.setPointerCapture(event.pointerId);
    this.#anchor = this.#at = this.#barAt(event.clientX);
    this.#brush = [this.#at, this.#at];
    this.#paint();
  }

  #extend(event) {
    if (!this.#brush) return;
    this.#at = this.#barAt(event.clientX);
    this.#brush = [Math.min(this.#anchor, this.#at), Math.max(this.#anchor, this.#at)];
    this.#paint();
  }

  #end() {
    if (!this.#brush) return;
    const [first, last] = this.#brush;
    this.#brush = null;
    this.#buttons[this.#at]?.focus({ preventScroll: true });
    this.#choose(first, last);
  }

  #giveUp() {
    this.#brush = null;
    this.#paint();
  }

  #click(event) {
    // a pointer's click was a brush over one bar; this is a key, or a screen reader
    const bar = event.detail === 0 ? event.target.closest(".filters-bar") : null;
    if (!bar) return;
    this.#anchor = this.#at = this.#buttons.indexOf(bar);
    this.#choose(this.#at, this.#at);
  }

  #press(event) {
    const to = target(event, this.#at, this.#bars.length - 1);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.shiftKey) this.#anchor = null;
    else this.#anchor ??= this.#at;
    this.#at = to;
    if (event.shiftKey) this.#choose(this.#anchor, to);
    this.#paint();
    this.#buttons[to].focus();
  }
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

/** Which bar a key leads to; null for keys that lead nowhere. */
function target({ key, currentTarget }, at, last) {
  const isMirrored = getComputedStyle(currentTarget).direction === "rtl";
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (step) return Math.min(last, Math.max(0, at + (isMirrored ? -step : step)));
  if (key === "Home") return 0;
  return key === "End" ? last : null;
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
