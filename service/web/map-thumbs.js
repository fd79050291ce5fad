/**
 * Small pictures for the map: asked for a few at a time, those that are wanted now first, and the
 * latest kept.
 *
 * new Thumbs(onLoad): want(ids) names those that are to be seen, the most wanted first; get(id) is an
 * HTMLImageElement, or null while there is none; since(id) is when it came, in performance.now() milliseconds.
 */

import { thumbnailOf } from "./query.js";

const AT_A_TIME = 6;
const KEPT = 600;

export class Thumbs {
  #there = new Map(); // of ids: {image, since}, the longest unused first
  #coming = new Set();
  #broken = new Set();
  #wanted = [];
  #onLoad;

  constructor(onLoad) {
    this.#onLoad = onLoad;
  }

  want(ids) {
    this.#wanted = ids.filter((id) => !this.#there.has(id) && !this.#coming.has(id) && !this.#broken.has(id));
    this.#load();
  }

  get(id) {
    const found = this.#there.get(id);
    if (!found) return null;
    this.#there.delete(id);
    this.#there.set(id, found);
    return found.image;
  }

  since(id) {
    return this.#there.get(id)?.since ?? Infinity;
  }

  #load() {
    while (this.#coming.size < AT_A_TIME && this.#wanted.length) this.#ask(this.#wanted.shift());
  }

  async #ask(id) {
    const image = new Image();
    this.#coming.add(id);
    image.src = thumbnailOf({ id });
    try {
      await image.decode();
      this.#keep(id, image);
    } catch {
      this.#broken.add(id);
    }
    this.#coming.delete(id);
    this.#load();
    this.#onLoad();
  }

  #keep(id, image) {
    this.#there.set(id, { image, since: performance.now() });
    if (this.#there.size > KEPT) this.#there.delete(this.#there.keys().next().value);
  }
}
