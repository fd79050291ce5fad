/**
 * The collection's points, a square of the map at a time: from afar a few that stand for many, from near
 * each by itself, so that a million pictures are as quick to look at as a thousand.
 *
 * A tile (z, column, row) is one of 4^z squares, asked for by its box at GET /v1/overview. Where its own finer tiles
 * have not come yet, or are not needed because it holds all there is, its points are shown.
 * new Tiles(onChange): load() -> Promise, throws Problem; see(camera, view) asks for what is missing; visit(box, f)
 * calls f(i, count) for each point to be shown, the one that stands for its neighbours before them.
 */

import { overview } from "./api.js";
import { seen } from "./map-camera.js";

const TILE_PX = 640; // a tile's side in the view, up to twice as much
const DEEPEST = 16;
const POINTS = 2_000; // of a tile
const POINTS_OF_ALL = 5_000; // which one sees first
const AT_A_TIME = 3;
const MOST_POINTS = 300_000;

export class Tiles {
  items = 0;
  ids = [];
  xs = [];
  ys = [];
  #numbers = new Map(); // of ids
  #tiles = new Map();
  #coming = new Map();
  #leaves = []; // [tile, the box that it is shown in]
  #generation = null;
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** The whole map; what is known is kept where the collection is as it was. */
  async load() {
    this.stop();
    const answer = await this.#ask([0, 0, 0]);
    if (answer.generation === this.#generation && answer.items === this.items) return;
    Object.assign(this, { items: answer.items, ids: [], xs: [], ys: [] });
    this.#generation = answer.generation;
    this.#numbers.clear();
    this.#tiles.clear();
    this.#keep([0, 0, 0], answer);
  }

  stop() {
    for (const { ending } of this.#coming.values()) ending.abort();
    this.#coming.clear();
  }

  /** Settles what is shown of this view, and asks for finer tiles where there are any. */
  see(camera, view) {
    const box = seen(camera, view);
    const finest = Math.min(DEEPEST, Math.max(0, Math.floor(Math.log2(camera.scale / TILE_PX))));
    const missing = [];
    this.#leaves = [];
    if (this.#tiles.has(nameOf([0, 0, 0]))) this.#cover([0, 0, 0], box, finest, missing);
    const apart = ([z, column, row]) => Math.hypot((column + 0.5) / 2 ** z - camera.x, (row + 0.5) / 2 ** z - camera.y);
    this.#want(missing.sort((one, other) => apart(one) - apart(other)));
  }

  visit([left, top, right, bottom], f) {
    for (const [{ points, counts }, [x0, y0, x1, y1]] of this.#leaves) {
      const [from, to, upper, lower] = [Math.max(left, x0), Math.min(right, x1), Math.max(top, y0), Math.min(bottom, y1)];
      if (from > to || upper > lower) continue;
      for (let k = 0; k < points.length; k += 1) {
        const i = points[k];
        const [x, y] = [this.xs[i], this.ys[i]];
        if (x >= from && x <= to && y >= upper && y <= lower) f(i, counts[k]);
      }
    }
  }

  /** The point that is shown next to (x, y), no further away than `reach`; -1 where there is none. */
  nearest(x, y, reach) {
    let [found, best] = [-1, reach * reach];
    this.visit([x - reach, y - reach, x + reach, y + reach], (i) => {
      const apart = (this.xs[i] - x) ** 2 + (this.ys[i] - y) ** 2;
      if (apart < best) [found, best] = [i, apart];
    });
    return found;
  }

  #cover(place, view, finest, missing) {
    const tile = this.#tiles.get(nameOf(place));
    if (tile.isWhole || place[0] >= finest) {
      this.#leaves.push([tile, boxOf(place)]);
      return;
    }
    for (const child of childrenOf(place)) {
      if (!meet(boxOf(child), view)) continue;
      if (this.#tiles.has(nameOf(child))) this.#cover(child, view, finest, missing);
      else {
        this.#leaves.push([tile, boxOf(child)]);
        missing.push(child);
      }
    }
  }

  #want(places) {
    const names = new Set(places.map(nameOf));
    for (const [name, { ending }] of this.#coming) {
      if (names.has(name)) continue;
      ending.abort();
      this.#coming.delete(name);
    }
    for (const place of places) {
      if (this.#coming.size >= AT_A_TIME) return;
      if (!this.#coming.has(nameOf(place))) this.#fetch(place);
    }
  }

  async #fetch(place) {
    const coming = { ending: new AbortController() };
    this.#coming.set(nameOf(place), coming);
    // what does not come is asked for again when the view moves; the coarser points stay meanwhile
    const answer = await this.#ask(place, coming.ending.signal).catch(() => null);
    if (this.#coming.get(nameOf(place)) !== coming) return;
    this.#coming.delete(nameOf(place));
    if (!answer) return;
    this.#keep(place, answer);
    this.#onChange();
  }

  #ask(place, signal) {
    const limit = place[0] === 0 ? POINTS_OF_ALL : POINTS;
    return overview({ box: boxOf(place).join(","), limit }, { signal });
  }

  #keep(place, { points, inside }) {
    if (this.ids.length > MOST_POINTS && place[0] > 0) this.#forget();
    this.#tiles.set(nameOf(place), {
      points: Uint32Array.from(points, (point) => this.#numberOf(point)),
      counts: Uint32Array.from(points, ({ count }) => count),
      isWhole: inside <= points.length,
    });
  }

  /** All but the whole map, of which the points come first. */
  #forget() {
    const root = this.#tiles.get(nameOf([0, 0, 0]));
    this.#tiles = new Map([[nameOf([0, 0, 0]), root]]);
    for (const id of this.ids.splice(root.points.length)) this.#numbers.delete(id);
    this.xs.length = this.ys.length = root.points.length;
  }

  #numberOf({ id, x, y }) {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.ids.length);
    this.xs.push(x);
    this.ys.push(y);
    return this.ids.push(id) - 1;
  }
}

const nameOf = (place) => place.join("/");

/** Boxes are cut from the map by powers of two, so that their numbers are exact. */
function boxOf([z, column, row]) {
  const side = 2 ** -z;
  return [column * side, row * side, (column + 1) * side, (row + 1) * side];
}

function childrenOf([z, column, row]) {
  return [0, 1, 2, 3].map((k) => [z + 1, 2 * column + (k % 2), 2 * row + (k >> 1)]);
}

function meet(one, other) {
  return one[0] <= other[2] && one[2] >= other[0] && one[1] <= other[3] && one[3] >= other[1];
}
