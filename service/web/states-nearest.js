/**
 * The nearest alternative to a search that finds nothing: the same with a lower least score, or fewer filters.
 *
 * Without a least score a search finds something wherever its filter leaves a picture, so that counting says
 * which to leave out.
 */

import { facets, search } from "./api.js";
import { counted, button, element } from "./elements.js";
import { NOTHING, chipsOf, choiceOf, filterOf } from "./filters-choice.js";
import { scoreName } from "./filters-score.js";
import { thumbnailOf, withParts } from "./query.js";

const MOST_TRIED = 6;
const SHOWN = 8;

/**
 * Fills `told` with the best score there is, `offered` with lower least scores, and `below` with the pictures
 * that are nearest; where the filter leaves none at all, as `nearest` does.
 */
export async function nearestScored({ told, offered, below }, { query, onTry }, signal) {
  const any = withParts(query, { minScore: null });
  const answer = await search(any, { limit: SHOWN, signal }).catch(() => null);
  if (signal.aborted || !answer) return;
  if (!answer.hits.length) return void (await nearest({ offered, below }, { query: any, onTry }, signal));
  const best = answer.hits[0].score;
  const least = Math.floor(best * 100) / 100;
  told.textContent = `The best that there is has ${best.toFixed(2)}.`;
  const offers = [[scoreName(least), withParts(query, { minScore: least })], ["Any score", any]];
  offered.replaceChildren(...offers.slice(least > 0 ? 0 : 1).map(([name, next]) =>
    button({ class: "state-second", onclick: () => onTry?.(next) }, element("span", {}, name))));
  strip(below, answer.hits, () => onTry?.(any));
}

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
  if (answer?.hits.length) strip(below, answer.hits, () => onTry?.(query));
}

function strip(below, hits, onclick) {
  const pictures = hits.map((hit) => element("li", {}, element("img", {
    src: thumbnailOf(hit), alt: hit.caption ?? hit.path, loading: "lazy", decoding: "async",
  })));
  below.replaceChildren(
    button({ class: "state-strip", "aria-label": "Show the nearest pictures", onclick },
      element("span", {}, "The nearest pictures"), element("ul", { role: "presentation" }, ...pictures)));
}
