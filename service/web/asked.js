/** A query shown as what it is: "this picture" + "at night", without "people". */

import { element } from "./elements.js";
import { thumbnailOf } from "./query.js";

/**
 * A small picture, of which only the part that is meant is seen.
 * @param {import("./query.js").Picture} picture
 * @param {import("./query.js").Box | null} crop
 */
export function thumb(picture, crop, alt = "") {
  const image = element("img", { src: thumbnailOf(picture), alt, draggable: "false" });
  const frame = element("span", { class: "thumb" }, image);
  // a browser cannot show every format that can be searched by
  image.addEventListener("error", () => frame.classList.add("unseen"), { once: true });
  if (crop) image.addEventListener("load", () => cutTo(frame, image, crop), { once: true });
  return frame;
}

/** The parts of a query in the order in which they are said, for the eye and read out. @returns {Node[]} */
export function partsOf(query) {
  const parts = [];
  if (query.picture) parts.push(thumb(query.picture, query.crop, query.crop ? "part of a picture" : "this picture"));
  query.texts.forEach((text, i) => parts.push(...(query.picture || i ? [sign("+")] : []), words(text)));
  for (const each of query.exclude) {
    const without = element("span", { class: "unseen" }, "without");
    parts.push(sign("−"), without, each.id ? thumb(each, null, "another picture") : words(each.text));
  }
  return parts;
}

/** The same in words. */
export function described(query) {
  const picture = query.picture && (query.crop ? "part of a picture" : "this picture");
  const said = query.texts.map((text) => `“${text}”`);
  const gone = query.exclude.map((each) => (each.id ? "another picture" : `“${each.text}”`));
  const wanted = [picture, ...said].filter(Boolean).join(" + ") || "all pictures";
  const least = query.minScore === null ? "" : `, of a score of ${query.minScore} or more`;
  return wanted + (gone.length ? `, without ${gone.join(" and ")}` : "") + (query.filter ? ", filtered" : "") + least;
}

export const sign = (mark) => element("span", { class: "sign", "aria-hidden": "true" }, mark);

const words = (text) => element("span", { class: "words" }, text);

function cutTo(frame, image, [left, top, right, bottom]) {
  const [across, down] = [right - left, bottom - top];
  frame.classList.add("cut");
  frame.style.aspectRatio = `${(across * image.naturalWidth) / (down * image.naturalHeight)}`;
  image.style.width = `${100 / across}%`;
  image.style.height = `${100 / down}%`;
  image.style.left = `${(-100 * left) / across}%`;
  image.style.top = `${(-100 * top) / down}%`;
}
