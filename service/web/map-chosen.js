/**
 * Which pictures are shown as pictures, and where: one for each square of a raster that lies fixed on the map,
 * so that panning changes nothing; zooming in divides the squares, and each keeps the picture it had in one of its
 * quarters. Where squares hold too many pictures, none are shown yet: one has to come closer.
 */

import { depth, seen, toView } from "./map-camera.js";

const SQUARE_PX = 58; // a square's side where the whole map is seen, up to twice as much
const GROWTH = 14; // more for each doubling, as one comes closer
const SHARE = 0.72; // of it that a picture takes
const MOST = 800; // pictures in a square on average, for pictures to be shown

/**
 * @returns {{i: number, x: number, y: number, side: number}[]}  points, with the middle and the longest side in
 *   the view's pixels
 */
export function chosen(points, camera, view) {
  const finest = SQUARE_PX + GROWTH * Math.max(0, Math.log2(depth(camera, view)));
  const level = Math.floor(Math.log2(camera.scale / finest));
  const side = 2 ** -level; // of a square, on the map
  const [left, top, right, bottom] = seen(camera, view, side * camera.scale);
  const [first, upper] = [Math.floor(left / side), Math.floor(top / side)];
  const columns = Math.floor(right / side) - first + 1;
  const rows = Math.floor(bottom / side) - upper + 1;
  const counts = new Uint32Array(columns * rows);
  const heads = new Int32Array(columns * rows).fill(-1);
  points.visit([left, top, right, bottom], (i, count) => {
    const cell = (Math.floor(points.ys[i] / side) - upper) * columns + Math.floor(points.xs[i] / side) - first;
    counts[cell] += count;
    if (heads[cell] === -1) heads[cell] = i; // the one that stands for the others comes first
  });
  const taken = counts.reduce((sum, count) => sum + Math.sign(count), 0);
  if (counts.reduce((sum, count) => sum + count, 0) > MOST * taken) return [];
  const found = [];
  for (let cell = 0; cell < counts.length; cell += 1) {
    if (counts[cell] === 0) continue;
    const corner = [(first + (cell % columns)) * side, (upper + Math.floor(cell / columns)) * side];
    found.push(placed(points, heads[cell], corner, side, camera, view));
  }
  return found;
}

/** As near to its point as the square allows, so that no picture covers another. */
function placed(points, i, [left, top], side, camera, view) {
  const half = (side * SHARE) / 2;
  const within = (place, start) => Math.min(start + side - half, Math.max(start + half, place));
  const [x, y] = toView(camera, view, within(points.xs[i], left), within(points.ys[i], top));
  return { i, x, y, side: side * SHARE * camera.scale };
}
