/**
 * Which part of the map is seen. The map is a square of 0 to 1; a camera is {x, y, scale}: the point of the
 * map in the middle of the view, and how many pixels of the view one side of the map takes.
 * Views are {width, height} in CSS pixels. Pure functions.
 */

const MARGIN = 0.9;
const FARTHEST = 0.7; // of the scale that fits the whole map
const CLOSEST = 8; // of the same, at least; more where there are more pictures to tell apart

/** The whole map in the middle. */
export function whole({ width, height }) {
  return { x: 0.5, y: 0.5, scale: Math.max(1, Math.min(width, height)) * MARGIN };
}

/** How far in: 1 where the whole map is seen. */
export function depth(camera, view) {
  return camera.scale / whole(view).scale;
}

export function toView(camera, view, x, y) {
  return [(x - camera.x) * camera.scale + view.width / 2, (y - camera.y) * camera.scale + view.height / 2];
}

export function toMap(camera, view, px, py) {
  return [(px - view.width / 2) / camera.scale + camera.x, (py - view.height / 2) / camera.scale + camera.y];
}

/** The part that is seen: [left, top, right, bottom], beyond the map where the view is. */
export function seen(camera, view, beyond = 0) {
  const [left, top] = toMap(camera, view, -beyond, -beyond);
  const [right, bottom] = toMap(camera, view, view.width + beyond, view.height + beyond);
  return [left, top, right, bottom];
}

/** Moved by so many pixels of the view, as if one pulled at the map. */
export function panned(camera, dx, dy) {
  return kept({ ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale });
}

/** Closer by the factor, with the point under (px, py) staying where it is. */
export function zoomed(camera, view, { factor, px = view.width / 2, py = view.height / 2, items }) {
  const fit = whole(view).scale;
  const closest = fit * Math.max(CLOSEST, Math.sqrt(items));
  const scale = Math.min(closest, Math.max(fit * FARTHEST, camera.scale * factor));
  const [x, y] = toMap(camera, view, px, py);
  return kept({ x: x - (px - view.width / 2) / scale, y: y - (py - view.height / 2) / scale, scale });
}

/** Between two cameras; zooming in is as even as zooming out. */
export function between(from, to, share) {
  const scale = from.scale * (to.scale / from.scale) ** share;
  // along the scale, so that the middle moves as straight as the zoom
  const way = from.scale === to.scale ? share : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
  return { x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way, scale };
}

/** The middle of the view stays on the map. */
function kept(camera) {
  return { ...camera, x: Math.min(1, Math.max(0, camera.x)), y: Math.min(1, Math.max(0, camera.y)) };
}
