/**
 * The map on its canvas: points as a soft cloud, denser where there are more, pictures above it.
 *
 * drawPoints() writes pixels itself, since a call for each of many thousand points takes longer than a frame.
 */

import { seen } from "./map-camera.js";

const ROUND_PX = 6;
const FADE_MS = 220;
const SHADES = 256;

/** A canvas that is as large as its element, and `ratio` pixels a CSS pixel. */
export function fit(canvas, { width, height }, ratio) {
  const [across, down] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width === across && canvas.height === down) return;
  canvas.width = across;
  canvas.height = down;
}

/** How many pictures each pixel is covered by becomes its opacity; says how many are in sight. */
export function makeCloud() {
  let counts = new Uint32Array(0);
  let image = null;

  return function draw(context, points, camera, view, { colour, ratio }) {
    const { width, height } = context.canvas;
    if (!image || image.width !== width || image.height !== height) {
      image = context.createImageData(width, height);
      counts = new Uint32Array(width * height);
    } else {
      counts.fill(0);
    }
    const size = Math.max(1, Math.round(dotSize(points.items, camera, view) * ratio));
    const scale = camera.scale * ratio;
    const [left, top] = seen(camera, view);
    const back = (size - 1) / 2;
    const spans = disc(size);
    let inSight = 0;
    points.visit(seen(camera, view, size), (i, count) => {
      const x0 = Math.round((points.xs[i] - left) * scale - back);
      const y0 = Math.round((points.ys[i] - top) * scale - back);
      inSight += count;
      for (let y = Math.max(0, y0); y < Math.min(height, y0 + size); y += 1) {
        const [from, to] = spans[y - y0];
        for (let x = Math.max(0, x0 + from); x < Math.min(width, x0 + to); x += 1) counts[y * width + x] += count;
      }
    });
    shade(new Uint32Array(image.data.buffer), counts, palette(colour));
    context.putImageData(image, 0, 0);
    return inSight;
  };
}

/** In CSS pixels: few points are drawn large, many small, all of them larger from close by. */
function dotSize(items, camera, view) {
  const base = items > 2_000 ? 2.5 : 4;
  const closer = Math.log2(Math.max(1, camera.scale / Math.max(view.width, view.height)));
  return Math.min(7, base + 0.6 * closer);
}

/** Of each row of a disc, from where to where it goes. */
function disc(size) {
  const radius = size / 2;
  return Array.from({ length: size }, (_, row) => {
    const half = Math.sqrt(Math.max(0, radius ** 2 - (row + 0.5 - radius) ** 2));
    return [Math.round(radius - half), Math.round(radius + half)];
  });
}

function shade(pixels, counts, colours) {
  const last = colours.length - 1;
  for (let i = 0; i < counts.length; i += 1) pixels[i] = colours[counts[i] < last ? counts[i] : last];
}

/** [red, green, blue] from nothing to nearly opaque, as little-endian pixels. */
function palette([red, green, blue]) {
  return Uint32Array.from({ length: SHADES }, (_, n) => {
    const alpha = n === 0 ? 0 : Math.round(255 * Math.min(0.92, 0.4 + 0.08 * Math.log2(n)));
    return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/** Draws a picture within its side, in its own proportions. Says whether it has been drawn in full. */
export function drawPicture(context, image, { x, y, side }, { age, edge, width: line }) {
  const share = Math.min(1, age / FADE_MS);
  const factor = side / Math.max(image.naturalWidth, image.naturalHeight);
  const [width, height] = [image.naturalWidth * factor, image.naturalHeight * factor];
  const [left, top] = [x - width / 2, y - height / 2];
  context.save();
  context.globalAlpha = share;
  context.beginPath();
  context.roundRect(left, top, width, height, ROUND_PX);
  context.strokeStyle = edge;
  context.lineWidth = 2 * line;
  context.stroke();
  context.clip();
  context.drawImage(image, left, top, width, height);
  context.restore();
  return share === 1;
}

/** A ring around a point that has no picture yet. */
export function drawRing(context, x, y, accent) {
  context.beginPath();
  context.arc(x, y, 9, 0, 2 * Math.PI);
  context.strokeStyle = accent;
  context.lineWidth = 3;
  context.stroke();
}
