/**
 * The pictures found, in justified rows of which only those near the screen are in the document.
 *
 * Rows above never change when more come, so that nothing jumps. One tile takes part in the order of
 * focus; arrows move it in two dimensions, and its row stays in the document wherever one scrolls.
 */

import { element } from "./elements.js";
import { moveOf } from "./grid-keys.js";
import { rowAt, rowsOf, shownRatio } from "./layout.js";
import { dress, tile, undress } from "./tile.js";

const ABOVE = 0.8; // screens that are kept ready on either side
const BELOW = 1.2;
const NEAR_END = 2.5; // screens before the end at which more are asked for
const EDGE = 8; // px between a picture that is moved to and the edge of the screen

/**
 * @typedef {{id: string, name: string, score?: number, width: number, height: number}} Hit
 * @typedef {Object} Deeds
 * @property {(hit: Hit) => string} href  the address of a hit's full view
 * @property {(index: number) => void} open
 * @property {() => void} more  the end is near
 * @property {() => void} leave  Escape
 * @property {(hit: Hit) => void} like
 * @property {(hit: Hit) => void} but
 * @property {(hit: Hit) => void} not
 */
export class Grid {
  #root;
  #on;
  #shown = new Map(); // row -> its element
  #rows = [];
  #ratios = [];
  #isWhole = true;
  #width = 0;
  #waiting = 0;

  /** @param {HTMLElement} root @param {Deeds} on */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    /** @type {Hit[]} */
    this.hits = [];
    this.active = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Pictures found");
    this.#listen();
  }

  /** Shows these and no others; `isWhole`: no more will come. */
  set(hits, isWhole) {
    this.hits = [];
    this.#ratios = [];
    this.#rows = [];
    this.active = 0;
    this.#clear();
    this.append(hits, isWhole);
  }

  append(hits, isWhole) {
    this.hits.push(...hits);
    for (const hit of hits) this.#ratios.push(shownRatio(hit));
    this.#isWhole = isWhole;
    this.#place(this.#rows.length ? this.#rows.at(-1).to : 0);
    this.draw();
  }

  /** Moves the focus to a picture, and the picture onto the screen. */
  focus(index = this.active) {
    const row = this.#rows[this.#rowOf(index)];
    if (!row) return;
    this.activate(index);
    this.#bring(row);
    this.draw();
    this.#cellOf(index).firstChild.focus({ preventScroll: true });
  }

  /** The picture that the order of focus comes to. */
  activate(index) {
    const before = this.#cellOf(this.active);
    if (before) before.firstChild.tabIndex = -1;
    this.active = index;
    const cell = this.#cellOf(index);
    if (cell) cell.firstChild.tabIndex = 0;
  }

  /** Puts the rows near the screen into the document, and takes the others out. */
  draw() {
    this.#waiting = 0;
    const top = scrollY - this.#root.offsetTop;
    const wanted = this.#rowsBetween(top - ABOVE * innerHeight, top + (1 + BELOW) * innerHeight);
    for (const [row, drawn] of this.#shown) {
      if (wanted.has(row)) continue;
      drawn.remove();
      this.#shown.delete(row);
    }
    for (const row of wanted) if (!this.#shown.has(row)) this.#insert(row);
    const isNear = this.#bottom - top < (1 + NEAR_END) * innerHeight;
    if (this.hits.length && !this.#isWhole && isNear) this.#on.more();
  }

  get #bottom() {
    const last = this.#rows.at(-1);
    return last ? last.top + last.height : 0;
  }

  /** The picture that is moved through by keys is among them, wherever it is. */
  #rowsBetween(top, bottom) {
    const wanted = new Set();
    const end = Math.min(rowAt(this.#rows, bottom), this.#rows.length - 1);
    for (let row = rowAt(this.#rows, top); row <= end; row++) wanted.add(row);
    const active = this.#rowOf(this.active);
    if (active >= 0) wanted.add(active);
    return wanted;
  }

  /** Lays out what comes from `from` on; the rows before stay. */
  #place(from) {
    const style = getComputedStyle(this.#root);
    const gap = Number.parseFloat(style.getPropertyValue("--gap"));
    const target = Number.parseFloat(style.getPropertyValue("--row"));
    this.#width = this.#root.clientWidth;
    let top = this.#rows.length ? this.#bottom + gap : 0;
    const measures = { width: this.#width, gap, target, isWhole: this.#isWhole };
    for (const row of rowsOf(this.#ratios.slice(from), measures)) {
      this.#rows.push({ from: row.from + from, to: row.to + from, height: row.height, top });
      top += row.height + gap;
    }
    this.#root.style.height = `${this.#bottom}px`;
    // a grid without a row would be none
    this.#root.setAttribute("role", this.#rows.length ? "grid" : "group");
    if (this.#rows.length) this.#root.setAttribute("aria-rowcount", this.#isWhole ? this.#rows.length : -1);
    else this.#root.removeAttribute("aria-rowcount");
  }

  /** After a change of width: the picture at the top of the screen stays there. */
  #replace() {
    if (this.#root.clientWidth === this.#width || !this.hits.length) return;
    const line = scrollY - this.#root.offsetTop;
    const kept = line > 0 ? this.#rows[rowAt(this.#rows, line)] : null;
    const hadFocus = this.#root.contains(document.activeElement);
    this.#rows = [];
    this.#clear();
    this.#place(0);
    const now = kept && this.#rows[this.#rowOf(kept.from)];
    if (now) scrollTo({ top: this.#root.offsetTop + now.top + line - kept.top, behavior: "instant" });
    this.draw();
    if (hadFocus) this.#cellOf(this.active)?.firstChild.focus({ preventScroll: true });
  }

  #clear() {
    this.#shown.clear();
    this.#root.replaceChildren();
  }

  /** In the order of the rows, which is the order of reading. */
  #insert(row) {
    const after = [...this.#shown.keys()].filter((other) => other > row);
    const drawn = this.#rowElement(row);
    this.#root.insertBefore(drawn, after.length ? this.#shown.get(Math.min(...after)) : null);
    this.#shown.set(row, drawn);
  }

  #rowElement(row) {
    const { from, to, top, height } = this.#rows[row];
    const line = element("div", { class: "row", role: "row", "aria-rowindex": row + 1 });
    line.style.transform = `translateY(${top}px)`;
    line.style.height = `${height}px`;
    for (let i = from; i < to; i++) {
      const size = { width: this.#ratios[i] * height, height };
      const cell = tile(this.hits[i], { ...size, column: i - from + 1, href: this.#on.href(this.hits[i]) });
      cell.dataset.at = i;
      if (i === this.active) cell.firstChild.tabIndex = 0;
      line.append(cell);
    }
    return line;
  }

  #rowOf(index) {
    return this.#rows.findIndex(({ from, to }) => from <= index && index < to);
  }

  #cellOf(index) {
    return this.#root.querySelector(`[data-at="${index}"]`);
  }

  #bring({ top, height }) {
    const start = this.#root.offsetTop + top;
    const head = document.querySelector("header").offsetHeight + EDGE;
    if (start < scrollY + head) scrollTo({ top: start - head, behavior: "instant" });
    const below = start + height + EDGE - innerHeight;
    if (below > scrollY) scrollTo({ top: below, behavior: "instant" });
  }

  #listen() {
    this.#root.addEventListener("keydown", (event) => this.#takeKey(event));
    this.#root.addEventListener("click", (event) => this.#takeClick(event));
    for (const type of ["focusin", "pointerover"]) this.#root.addEventListener(type, (event) => this.#enter(event));
    for (const type of ["focusout", "pointerout"]) this.#root.addEventListener(type, (event) => this.#exit(event));
    addEventListener("scroll", () => (this.#waiting ||= requestAnimationFrame(() => this.draw())), { passive: true });
    new ResizeObserver(() => this.#replace()).observe(this.#root);
  }

  #takeKey(event) {
    if (event.altKey || event.metaKey) return;
    const grid = { rows: this.#rows, active: this.active, ratios: this.#ratios };
    const to = moveOf(event, grid);
    if (to !== null) this.focus(to);
    else if (event.ctrlKey || !this.#takeLetter(event)) return;
    event.preventDefault();
  }

  #takeLetter({ key, target }) {
    if (key === "Escape") this.#on.leave();
    else if (!target.matches(".open")) return false;
    else if (key === "m") this.#on.like(this.hits[this.active]);
    else if (key === "b") this.#on.but(this.hits[this.active]);
    else if (key === "x") this.#on.not(this.hits[this.active]);
    else return false;
    return true;
  }

  #takeClick(event) {
    const link = event.target.closest("a.open");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.activate(Number(link.parentNode.dataset.at));
    this.#on.open(this.active);
  }

  #enter({ type, target, pointerType }) {
    const cell = target.closest(".tile");
    if (!cell || (type === "pointerover" && pointerType !== "mouse")) return;
    const index = Number(cell.dataset.at);
    if (type === "focusin") this.activate(index);
    dress(cell, this.hits[index], this.#on);
  }

  #exit({ target, relatedTarget }) {
    const cell = target.closest(".tile");
    if (!cell || cell.contains(relatedTarget) || cell.matches(":hover, :focus-within")) return;
    undress(cell);
  }
}
