/**
 * A box on a picture, to mean that part of it: drawn by pointer or finger, moved and sized by keys.
 *
 * The box lies on `frame`, an element that is just as large as the picture. It can be moved as a whole and
 * by its four corners, all of which take the arrow keys (with Shift: larger steps).
 */

import { button, element } from "./elements.js";

const FIRST = [0.2, 0.2, 0.8, 0.8];
const LEAST = 0.04; // of a side
const STEP = 0.01;
const STRIDE = 0.1;
const CLICK_PX = 6; // a pointer that moved less has drawn nothing
const CORNERS = { "top left": [0, 1], "top right": [2, 1], "bottom left": [0, 3], "bottom right": [2, 3] };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class CropBox {
  #frame;
  #onChange;
  #area;
  #said = element("span", { class: "unseen", role: "status" });
  #box = null;

  /** @param {HTMLElement} frame @param {{onChange(box: import("./query.js").Box | null): void}} on */
  constructor(frame, { onChange }) {
    this.#frame = frame;
    this.#onChange = onChange;
    this.#area = this.#build();
    this.#area.hidden = true;
    frame.append(this.#area, this.#said);
    frame.addEventListener("pointerdown", (event) => this.#start(event));
  }

  get box() {
    return this.#box;
  }

  /** Shows a box to begin from, for those who do not draw one. */
  begin(box = FIRST) {
    this.#put(box);
    this.#area.focus();
  }

  clear() {
    this.#box = null;
    this.#area.hidden = true;
    this.#onChange(null);
  }

  #build() {
    const corners = Object.keys(CORNERS).map((name) =>
      button({ class: `corner ${name.replace(" ", "-")}`, "data-corner": name, "aria-label": `Corner ${name}` }));
    const area = element(
      "div", { class: "crop", role: "group", tabindex: "0", "aria-label": "Chosen part; arrow keys move it", "aria-roledescription": "box" }, ...corners,
    );
    area.addEventListener("keydown", (event) => this.#takeKey(event));
    return area;
  }

  #put([left, top, right, bottom]) {
    this.#box = [left, top, right, bottom];
    this.#area.hidden = false;
    Object.assign(this.#area.style, {
      left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * (right - left)}%`, height: `${100 * (bottom - top)}%`,
    });
    this.#onChange(this.#box);
  }

  #takeKey(event) {
    const arrow = ARROWS[event.key];
    if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const step = event.shiftKey ? STRIDE : STEP;
    const by = [arrow[0] * step, arrow[1] * step];
    this.#put(changed(this.#box, event.target.dataset.corner, by));
    const [left, top, right, bottom] = this.#box.map((share) => Math.round(100 * share));
    this.#said.textContent = `${left} to ${right} percent across, ${top} to ${bottom} percent down`;
  }

  /** A pointer draws a new box, or drags the one that is there. */
  #start(event) {
    if (event.button || (event.pointerType === "touch" && !this.#isReady)) return;
    event.preventDefault();
    const from = this.#shareAt(event);
    const { corner } = event.target.dataset;
    const before = this.#area.contains(event.target) ? this.#box : null;
    const move = (moved) => {
      const to = this.#shareAt(moved);
      const far = Math.hypot(moved.clientX - event.clientX, moved.clientY - event.clientY) > CLICK_PX;
      if (before) this.#put(changed(before, corner, [to[0] - from[0], to[1] - from[1]]));
      else if (far) this.#put(between(from, to));
    };
    const end = () => {
      this.#frame.removeEventListener("pointermove", move);
      for (const type of ["pointerup", "pointercancel"]) this.#frame.removeEventListener(type, end);
      if (this.#box) (corner ? event.target : this.#area).focus({ preventScroll: true });
    };
    this.#frame.setPointerCapture(event.pointerId);
    this.#frame.addEventListener("pointermove", move);
    for (const type of ["pointerup", "pointercancel"]) this.#frame.addEventListener(type, end);
  }

  /** A finger scrolls until a part is being chosen. */
  get #isReady() {
    return this.#frame.hasAttribute("data-cropping");
  }

  #shareAt({ clientX, clientY }) {
    const { left, top, width, height } = this.#frame.getBoundingClientRect();
    return [within((clientX - left) / width), within((clientY - top) / height)];
  }
}

const within = (share, least = 0, most = 1) => Math.min(most, Math.max(least, share));

/** The box of two opposite corners; at least LEAST wide and high. */
function between([x, y], [u, v]) {
  const left = within(Math.min(x, u), 0, 1 - LEAST);
  const top = within(Math.min(y, v), 0, 1 - LEAST);
  return [left, top, within(Math.max(x, u), left + LEAST), within(Math.max(y, v), top + LEAST)];
}

/** The box with a corner moved, or all of it where no corner is named. */
function changed(box, corner, [across, down]) {
  const [left, top, right, bottom] = box;
  if (!corner) {
    const x = within(across, -left, 1 - right);
    const y = within(down, -top, 1 - bottom);
    return [left + x, top + y, right + x, bottom + y];
  }
  const moved = [...box];
  const [side, edge] = CORNERS[corner];
  moved[side] = side === 0 ? within(left + across, 0, right - LEAST) : within(right + across, left + LEAST);
  moved[edge] = edge === 1 ? within(top + down, 0, bottom - LEAST) : within(bottom + down, top + LEAST);
  return moved;
}
