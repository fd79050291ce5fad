/**
 * The nearest alternative to a search that finds nothing: the same with fewer filters.
 *
 * A search finds something wherever its filter leaves a picture, so that counting says which to leave out.
 */

import { facets, search } from "./api.js";
import { counted, button, element } from "./elements.js";
import { NOTHING, chipsOf, choiceOf, filterOf } from "./filters-choice.js";
import { thumbnailOf, withParts } from "./query.js";

const MOST_TRIED = 6;
const SHOWN = 8;

/**
 * Fills `offered` with one button for each filter that may go, and `below` with the best pictures then.
 * Where nothing can be told they stay empty.
 */
export async function nearest({ below, offered }, { query, onTry }, signal) {
  const choice = choiceOf(query.filter);
  const chips = chipsOf(choice).slice(0, MOST_TRIED);
  const single = chips.length > 1 ? chips.map(({ group, label, without }) => ({ name: `Without ${group}: ${label}`, choice: without })) : [];
  const tried = [...single, { name: chips.length > 1 ? "Without any filter" : "Without the filter", choice: NOTHING }];
  const found = (await Promise.all(tried.map((each) => tally(each, signal)))).filter(({ items }) => items > 0);
  if (signal.aborted) return;
  offered.replaceChildren(...found.map(({ name, filter, items }) =>
    button({ class: "state-second", onclick: () => onTry?.(withParts(query, { filter })) },
      element("span", {}, name), element("small", {}, counted(items, "picture")))));
  if (found.length) await show(below, withParts(query, { filter: found[0].filter }), signal, onTry);
}

async function tally({ name, choice }, signal) {
  const filter = filterOf(choice);
  const items = await facets({ field: "format", limit: 1, filter }, { signal }).then((answer) => answer.items, () => 0);
  return { name, filter, items };
}

async function show(below, query, signal, onTry) {
  const answer = await search(query, { limit: SHOWN, signal }).catch(() => null);
  if (!answer?.hits.length) return;
  const pictures = answer.hits.map((hit) => element("li", {}, element("img", {
    src: thumbnailOf(hit), alt: hit.caption ?? hit.path, loading: "lazy", decoding: "async",
  })));
  below.replaceChildren(
    button({ class: "state-strip", "aria-label": "Show the nearest pictures", onclick: () => onTry?.(query) },
      element("span", {}, "The nearest pictures"), element("ul", { role: "presentation" }, ...pictures)));
}
