/**
 * The collection seen from above: similar pictures lie near each other; one comes closer to see them.
 *
 * mountMap(root, { onPick({id}), onClose() }) -> { show(), hide() }
 * Drag, wheel, pinch, keys and buttons move a camera over a canvas; a click, a tap or Enter opens a picture. Points come
 * from GET /v1/overview, those that are seen and as many as can be told apart.
 */

import { item } from "./api.js";
import { announce, counted, prefersLessMotion } from "./elements.js";
import { between, panned, toMap, toView, whole, zoomed } from "./map-camera.js";
import { listen } from "./map-gestures.js";
import { layout } from "./map-layout.js";
import { makeScene } from "./map-scene.js";
import { Tiles } from "./map-tiles.js";
import { isAbort } from "./problem.js";
import { thumbnailOf } from "./query.js";
import { showState, stateOf } from "./states.js";

const FLIGHT_MS = 240;
const MOVING_MS = 120; // after the last move
const REACH_PX = 16; // of a pointer to a point
const AIM_PX = 160; // of the view's middle to a picture
const PREVIEW_PX = 170;
const QUIET_MS = 500;

export function mountMap(root, on) {
  const map = new CollectionMap(on);
  root.replaceChildren(map.dialog);
  return { show: () => map.show(), hide: () => map.hide() };
}

class CollectionMap {
  #on;
  #parts;
  #view = { width: 1, height: 1 };
  #camera = whole(this.#view);
  #flight = null; // {from, to, start}
  #moved = 0;
  #frame = 0;
  #isTouched = false; // whether the camera is where somebody has put it
  #isByKeys = false;
  #aim = -1; // the point in the middle, which Enter opens
  #over = -1; // the point under the pointer
  #telling = 0;
  #points = new Tiles(() => this.#draw());
  #scene;

  constructor(on) {
    this.#on = on;
    this.#parts = layout({
      onZoom: (factor) => this.#zoom(factor, undefined, undefined, true),
      onFit: () => this.#fitAll(),
      onLeave: () => this.hide(),
    });
    this.#scene = makeScene(this.#parts.canvas, () => this.#draw());
    this.#listen();
  }

  get dialog() {
    return this.#parts.dialog;
  }

  show() {
    if (!this.dialog.open) this.dialog.showModal();
    this.#parts.canvas.focus({ preventScroll: true });
    this.#load();
  }

  hide() {
    if (this.dialog.open) this.dialog.close();
  }

  #listen() {
    const { canvas } = this.#parts;
    listen(canvas, {
      move: (dx, dy, isSmooth = false) => this.#go(panned(this.#goal, dx, dy), isSmooth),
      zoom: (...how) => this.#zoom(...how),
      fit: () => this.#fitAll(),
      hover: (px, py) => this.#hover(px, py),
      pick: (px, py) => this.#pick(px, py),
    });
    this.dialog.addEventListener("close", () => this.#leave());
    this.dialog.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    new ResizeObserver(([{ contentRect: { width, height } }]) => {
      this.#view = { width, height };
      if (!this.#isTouched) this.#camera = whole(this.#view);
      this.#draw();
    }).observe(canvas);
  }

  #leave() {
    clearTimeout(this.#telling);
    this.#points.stop();
    showState(this.#parts.trouble, null);
    this.#on.onClose();
  }

  async #load() {
    const { trouble } = this.#parts;
    showState(trouble, null);
    try {
      await this.#points.load();
      if (this.#points.items === 0) showState(trouble, "empty");
    } catch (problem) {
      const details = { problem, onRetry: () => this.#load() };
      if (!isAbort(problem)) showState(trouble, stateOf(problem), details);
    }
    this.#draw();
  }

  #draw() {
    this.#frame ||= requestAnimationFrame((now) => this.#drawNow(now));
  }

  #drawNow(now) {
    this.#frame = 0;
    if (!this.dialog.open) return;
    if (this.#flight) this.#fly(now);
    const { isSettled, inSight } = this.#scene.draw({
      points: this.#points,
      camera: this.#camera,
      view: this.#view,
      isMoving: now - this.#moved < MOVING_MS,
      marked: this.#isByKeys ? this.#aim : this.#over,
    });
    this.#tell(inSight);
    if (!isSettled || this.#flight) this.#draw();
  }

  #tell(inSight) {
    const { items } = this.#points;
    const all = counted(items, "picture");
    if (items) this.#parts.told.textContent = inSight < items ? `${inSight.toLocaleString("en")} of ${all}` : all;
  }

  #fly(now) {
    const { from, to, start } = this.#flight;
    const share = Math.min(1, (now - start) / FLIGHT_MS);
    this.#camera = between(from, to, 1 - (1 - share) ** 3);
    this.#moved = now;
    if (share === 1) this.#flight = null;
  }

  /** Where the camera is going, or is. */
  get #goal() {
    return this.#flight?.to ?? this.#camera;
  }

  #go(camera, isSmooth) {
    const isFlight = isSmooth && !prefersLessMotion();
    this.#flight = isFlight ? { from: this.#camera, to: camera, start: performance.now() } : null;
    if (!isFlight) this.#camera = camera;
    this.#isTouched = true;
    this.#moved = performance.now();
    this.#isByKeys = isSmooth && document.activeElement === this.#parts.canvas;
    this.#parts.preview.hidden = true;
    if (this.#isByKeys) this.#takeAim();
    setTimeout(() => this.#draw(), MOVING_MS + 10); // once more, sharply, when all is still
    this.#draw();
  }

  #zoom(factor, px, py, isSmooth) {
    this.#go(zoomed(this.#goal, this.#view, { factor, px, py, items: this.#points.items }), isSmooth);
  }

  #fitAll() {
    this.#go(whole(this.#view), true);
  }

  /** The picture next to the middle; read out once the keys are at rest. */
  #takeAim() {
    const { x, y, scale } = this.#goal;
    this.#aim = this.#points.nearest(x, y, AIM_PX / scale);
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#readOut(this.#points.ids[this.#aim]), QUIET_MS);
  }

  async #readOut(id) {
    if (!id) return announce("No picture is near the middle.");
    const found = await item(id).catch(() => null);
    return found && announce(`In the middle: ${found.caption ?? found.path}`);
  }

  #at(px, py) {
    const shown = this.#scene.at(px, py);
    if (shown !== -1) return shown;
    return this.#points.nearest(...toMap(this.#camera, this.#view, px, py), REACH_PX / this.#camera.scale);
  }

  #hover(px, py) {
    const over = px === null ? -1 : this.#at(px, py);
    if (over === this.#over && !this.#isByKeys) return;
    this.#over = over;
    this.#isByKeys = false;
    this.#parts.canvas.classList.toggle("map-over", over !== -1);
    this.#showPreview(over);
    this.#draw();
  }

  /** A point that has no picture on the map shows it beside the pointer. */
  #showPreview(i) {
    const { preview } = this.#parts;
    preview.hidden = i === -1 || this.#scene.shows(i);
    if (preview.hidden) return;
    const { width, height } = this.#view;
    const [x, y] = toView(this.#camera, this.#view, this.#points.xs[i], this.#points.ys[i]);
    preview.src = thumbnailOf({ id: this.#points.ids[i] });
    preview.style.left = `${Math.min(width - PREVIEW_PX, Math.max(10, x + 14))}px`;
    preview.style.top = `${Math.min(height - PREVIEW_PX, Math.max(10, y + 14))}px`;
  }

  #pick(px, py) {
    if (px === null) this.#takeAim();
    const i = px === null ? this.#aim : this.#at(px, py);
    if (i !== -1) this.#on.onPick({ id: this.#points.ids[i] });
  }
}
