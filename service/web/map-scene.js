/** One frame of the map: the cloud of points, the pictures that are near enough, and what is pointed at. */

import { toView } from "./map-camera.js";
import { chosen } from "./map-chosen.js";
import { drawPicture, drawRing, fit, makeCloud } from "./map-drawing.js";
import { prefersLessMotion } from "./elements.js";
import { Thumbs } from "./map-thumbs.js";

const MANY = 10_000; // pictures, from which on movement is drawn more coarsely
const SHARPEST = 2; // pixels of the screen a CSS pixel

export function makeScene(canvas, onChange) {
  const context = canvas.getContext("2d");
  const cloud = makeCloud();
  const thumbs = new Thumbs(onChange);
  let shown = []; // pictures of the last frame

  /** Says whether the frame is as it stays while nothing changes, and how many pictures are in sight. */
  function draw({ points, camera, view, isMoving, marked }) {
    const ratio = isMoving && points.items > MANY ? 1 : Math.min(SHARPEST, devicePixelRatio);
    const look = getComputedStyle(canvas);
    const [accent, ground] = ["--accent", "--ground"].map((name) => look.getPropertyValue(name).trim());
    points.see(camera, view);
    fit(canvas, view, ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    const inSight = cloud(context, points, camera, view, { colour: parsed(look.color), ratio });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const places = chosen(points, camera, view);
    thumbs.want(byDistance(places, view).map(({ i }) => points.ids[i]));
    const isSettled = drawPictures(places, points, marked, { accent, ground });
    if (marked !== -1 && !shown.some(({ i }) => i === marked)) {
      drawRing(context, ...toView(camera, view, points.xs[marked], points.ys[marked]), accent);
    }
    return { isSettled, inSight };
  }

  function drawPictures(places, points, marked, { accent, ground }) {
    const now = performance.now();
    let isSettled = true;
    shown = [];
    for (const place of places) {
      const id = points.ids[place.i];
      const image = thumbs.get(id);
      if (!image) continue;
      shown.push({ ...place, ratio: image.naturalWidth / image.naturalHeight });
      const age = prefersLessMotion() ? Infinity : now - thumbs.since(id);
      const edge = place.i === marked ? { edge: accent, width: 3 } : { edge: ground, width: 2 };
      isSettled = drawPicture(context, image, place, { age, ...edge }) && isSettled;
    }
    return isSettled;
  }

  return {
    draw,
    /** The point whose picture is there; -1 where there is none. */
    at(px, py) {
      const found = shown.find(({ x, y, side, ratio }) =>
        Math.abs(px - x) <= (side / 2) * Math.min(1, ratio) && Math.abs(py - y) <= side / 2 / Math.max(1, ratio));
      return found ? found.i : -1;
    },
    shows: (i) => shown.some((place) => place.i === i),
  };
}

function byDistance(places, { width, height }) {
  const apart = ({ x, y }) => Math.hypot(x - width / 2, y - height / 2);
  return places.toSorted((one, other) => apart(one) - apart(other));
}

/** "rgb(1, 2, 3)" -> [1, 2, 3] */
function parsed(colour) {
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}
