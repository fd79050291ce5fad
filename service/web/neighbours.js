/** Pictures near one: those that are nearly the same, and those that are only like it. */

import { search } from "./api.js";
import { element } from "./elements.js";
import { isAbort } from "./problem.js";
import { makeQuery, thumbnailOf } from "./query.js";
import { nameOf } from "./tile.js";

const SAME = 0.95; // the cosine from which `pictor duplicates` takes two for the same, too
const LIMIT = 25;

/**
 * Fills `root` with what is near the picture; leaves it empty where that cannot be asked.
 * @param {{signal: AbortSignal, hrefOf(id: string): string, onOpen(id: string): void}} options
 */
export async function showNeighbours(root, id, { signal, hrefOf, onOpen }) {
  let hits;
  try {
    ({ hits } = await search(makeQuery({ picture: { id } }), { limit: LIMIT, signal }));
  } catch (error) {
    if (!isAbort(error)) root.replaceChildren(element("p", { class: "faint" }, `Pictures near it: ${error.message}`));
    return;
  }
  const others = hits.filter((hit) => hit.id !== id);
  const strip = (title, found) => found.length && section(title, found, { hrefOf, onOpen });
  const strips = [
    strip("Nearly the same", others.filter(({ score }) => score >= SAME)),
    strip("Close to it", others.filter(({ score }) => score < SAME)),
  ];
  root.replaceChildren(...strips.filter(Boolean));
}

function section(title, hits, { hrefOf, onOpen }) {
  const items = hits.map((hit) => {
    const image = element("img", { src: thumbnailOf(hit), alt: nameOf(hit), loading: "lazy", decoding: "async" });
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onOpen(hit.id);
    };
    const link = element("a", { href: hrefOf(hit.id), title: `${nameOf(hit)} · ${hit.score.toFixed(3)}`, onclick: open }, image);
    return element("li", {}, link);
  });
  return element("section", { class: "strip" }, element("h3", {}, title), element("ul", {}, ...items));
}
