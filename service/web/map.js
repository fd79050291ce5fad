/**
 * The collection seen from above: similar pictures lie near each other; one comes closer to see them.
 *
 * mountMap(root, { onPick({id}), onClose() }) -> { show(), hide() }
 * Drag, wheel, pinch, keys and buttons move a camera over a canvas; a click, a tap or Enter opens a picture. Points come
 * from GET /v1/overview, those that are seen and as many as can be told apart.
 */

import { item } from "./api.js";
import { announce, button, counted, element, icon, prefersLessMotion } from "./elements.js";
import { between, panned, toMap, toView, whole, zoomed } from "./map-camera.js";
import { listen } from "./map-gestures.js";
import { makeScene } from "./map-scene.js";
import { Tiles } from "./map-tiles.js";
import { isAbort } from "./problem.js";
import { thumbnailOf } from "./query.js";
import { showState, stateOf } from "./states.js";

const FLIGHT_MS = 240;
const BY_BUTTON = 2;
const REACH_PX = 16; // of a pointer to a point
const AIM_PX = 160; // of the view's middle to a picture
const QUIET_MS = 500;
const TITLES = { no_overview: "There is no map of this collection yet" };
const HINT = "Arrows move, plus and minus come closer and go back, zero shows all, Enter opens the picture in the middle.";

export function mountMap(root, { onPick, onClose }) {
  const view = { width: 1, height: 1 };
  const state = { camera: whole(view), flight: null, frame: 0, aim: -1, isByKeys: false, over: -1, moved: 0, isTouched: false };
  const parts = layout({ onZoom: (factor) => zoom(factor, undefined, undefined, true), onFit: fitAll, onLeave: hide });
  const { dialog, canvas, preview, told, trouble } = parts;
  const scene = makeScene(canvas, draw);
  const points = new Tiles(draw);
  root.replaceChildren(dialog);

  function draw() {
    state.frame ||= requestAnimationFrame(frame);
  }

  function frame(now) {
    state.frame = 0;
    if (!dialog.open) return;
    if (state.flight) fly(now);
    const { isSettled, inSight } = scene.draw({ points, camera: state.camera, view, isMoving: now - state.moved < 120, marked: marked() });
    if (points.items) told.textContent = inSight < points.items ? `${inSight.toLocaleString("en")} of ${all()}` : all();
    if (!isSettled || state.flight) draw();
  }

  function fly(now) {
    const { from, to, start } = state.flight;
    const share = Math.min(1, (now - start) / FLIGHT_MS);
    state.camera = between(from, to, 1 - (1 - share) ** 3);
    state.moved = now;
    if (share === 1) state.flight = null;
  }

  const all = () => counted(points.items, "picture");
  const marked = () => (state.isByKeys ? state.aim : state.over);
  const goal = () => state.flight?.to ?? state.camera;

  function go(camera, isSmooth) {
    state.isTouched = true;
    if (isSmooth && !prefersLessMotion()) {
      state.flight = { from: state.camera, to: camera, start: performance.now() };
    } else {
      state.flight = null;
      state.camera = camera;
      state.moved = performance.now();
    }
    state.isByKeys = isSmooth && document.activeElement === canvas;
    preview.hidden = true;
    if (state.isByKeys) aim();
    setTimeout(draw, 130); // once more, sharply, when all is still
    draw();
  }

  function zoom(factor, px, py, isSmooth) {
    go(zoomed(goal(), view, { factor, px, py, items: points.items }), isSmooth);
  }

  function fitAll() {
    go(whole(view), true);
  }

  /** The picture next to the middle, which Enter opens; read out once the keys are at rest. */
  function aim() {
    const camera = goal();
    state.aim = points.nearest(camera.x, camera.y, AIM_PX / camera.scale);
    clearTimeout(state.telling);
    state.telling = setTimeout(async () => {
      const id = points.ids[state.aim];
      if (!id) return announce("No picture is near the middle.");
      const found = await item(id).catch(() => null);
      return found && announce(`In the middle: ${found.caption ?? found.path}`);
    }, QUIET_MS);
  }

  function at(px, py) {
    const shown = scene.at(px, py);
    if (shown !== -1) return shown;
    return points.nearest(...toMap(state.camera, view, px, py), REACH_PX / state.camera.scale);
  }

  function hover(px, py) {
    const over = px === null ? -1 : at(px, py);
    if (over === state.over && !state.isByKeys) return;
    Object.assign(state, { over, isByKeys: false });
    canvas.classList.toggle("map-over", over !== -1);
    showPreview(over);
    draw();
  }

  function showPreview(i) {
    preview.hidden = i === -1 || scene.shows(i);
    if (preview.hidden) return;
    const [x, y] = toView(state.camera, view, points.xs[i], points.ys[i]);
    preview.src = thumbnailOf({ id: points.ids[i] });
    preview.style.left = `${Math.min(view.width - 170, Math.max(10, x + 14))}px`;
    preview.style.top = `${Math.min(view.height - 170, Math.max(10, y + 14))}px`;
  }

  function pick(px, py) {
    const i = px === null ? (aim(), state.aim) : at(px, py);
    if (i !== -1) onPick({ id: points.ids[i] });
  }

  async function load() {
    showState(trouble, null);
    try {
      await points.load();
      if (points.items === 0) showState(trouble, "empty");
    } catch (problem) {
      if (!isAbort(problem)) showState(trouble, stateOf(problem), { problem, onRetry: load, title: TITLES[problem.code] });
    }
    draw();
  }

  function show() {
    if (!dialog.open) dialog.showModal();
    canvas.focus({ preventScroll: true });
    load();
    draw();
  }

  function hide() {
    if (dialog.open) dialog.close();
  }

  listen(canvas, { move: (dx, dy, isSmooth = false) => go(panned(goal(), dx, dy), isSmooth), zoom, fit: fitAll, hover, pick });
  dialog.addEventListener("close", () => {
    points.stop();
    showState(trouble, null);
    onClose();
  });
  dialog.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());
  new ResizeObserver(([{ contentRect }]) => {
    Object.assign(view, { width: contentRect.width, height: contentRect.height });
    if (!state.isTouched) state.camera = whole(view);
    draw();
  }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return { show, hide };
}

function layout({ onZoom, onFit, onLeave }) {
  const tool = (label, drawing, onclick) => button({ class: "map-tool", "aria-label": label, title: label, onclick }, icon(drawing));
  const canvas = element("canvas", { class: "map-canvas", tabindex: 0, role: "application", "aria-label": "Map of the collection", "aria-describedby": "map-hint" });
  const preview = element("img", { class: "map-preview", alt: "", hidden: true });
  const told = element("p", { class: "map-told" });
  const trouble = element("div", { class: "map-trouble" });
  const dialog = element("dialog", { class: "map-room", "aria-label": "Map of the collection" },
    canvas, preview, trouble,
    element("div", { class: "map-head" }, element("h2", {}, "Map"), told),
    element("p", { id: "map-hint", hidden: true }, HINT),
    element("div", { class: "map-leave" }, tool("Close the map", "M6 6l12 12M18 6L6 18", onLeave)),
    element("div", { class: "map-tools" },
      tool("Closer", "M12 5v14M5 12h14", () => onZoom(BY_BUTTON)),
      tool("Farther", "M5 12h14", () => onZoom(1 / BY_BUTTON)),
      tool("Show all", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", onFit)));
  return { dialog, canvas, preview, told, trouble };
}
