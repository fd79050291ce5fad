/**
 * The first visit: what can be asked, with examples that this very collection answers.
 *
 * findExamples() reads captions, tags and pictures over REST, and tries common words where there are neither; welcome(root, { collection, examples, onTry, onAdd })
 * shows them. onTry(query) is called with what was chosen. An empty collection is offered to be filled.
 */

import { facets, listing, search } from "./api.js";
import { button, counted, element, icon } from "./elements.js";
import { makeQuery, thumbnailOf } from "./query.js";

const PAGE = 80;
const TEXTS = 5;
const PICTURES = 16;
const CHANGES = ["at night", "in winter"]; // after a tag of the collection's own
const FITTING_MS = 1500; // what the welcome is kept waiting at most
const COMMON = [
  "a beach", "snow", "mountains", "a city at night", "a forest", "flowers", "rain", "a sunset", "an animal", "people",
];
const ORDERS = ["-taken_at", "path", "-added_at"];

/**
 * @typedef {{texts: string[], pictures: {id: string, label: string}[], changes: {id: string, label: string, text: string}[]}} Examples
 * @returns {Promise<Examples>}  each list as long as the collection allows
 */
export async function findExamples({ signal } = {}) {
  const pages = ORDERS.map((order) => listing({ limit: PAGE, order }, { signal }));
  const captioned = listing({ limit: PAGE, order: "name", filter: { field: "caption", exists: true } }, { signal });
  const tags = facets({ field: "tags", limit: TEXTS }, { signal });
  const [tagged, said, ...listed] = await Promise.all([tags, captioned, ...pages]);
  const items = new Map(listed.flatMap((page) => page.items).map((item) => [item.id, item]));
  const pictures = spread([...items.values()].sort(byId), PICTURES + CHANGES.length + 1)
    .map((item) => ({ id: item.id, label: item.caption ?? item.path }));
  const words = tagged.values.map(({ value }) => String(value)).filter((word) => !/^\d+$/.test(word));
  const captions = spread(said.items.map(({ caption }) => caption).filter(isShort), TEXTS);
  const texts = [...new Set([...captions, ...words])];
  const asked = [...words.slice(0, 1).map((word) => `with ${word}`), ...CHANGES];
  const changes = pictures.length > asked.length ? pictures.slice(0, asked.length) : [];
  return {
    texts: (texts.length ? texts : await fitting().catch(() => [])).slice(0, TEXTS),
    pictures: pictures.slice(changes.length, changes.length + PICTURES),
    changes: changes.map((picture, i) => ({ ...picture, text: asked[i] })),
  };
}

/** Where nobody has said what the pictures show: common words, those that some picture fits best first. */
async function fitting() {
  const signal = AbortSignal.timeout(FITTING_MS);
  const answers = await Promise.all(COMMON.map((text) => search(makeQuery({ texts: [text] }), { limit: 1, signal })));
  const scores = answers.map(({ hits: [best] }, i) => ({ text: COMMON[i], score: best?.score ?? -Infinity }));
  return scores.filter(({ score }) => score > -Infinity).sort((one, other) => other.score - one.score).map(({ text }) => text);
}

/** @param {{collection?: {items: number}, examples?: Examples|null}} given */
export function welcome(root, { collection, examples = null, onTry, onAdd }) {
  root.classList.add("welcome-page");
  if (collection?.items === 0) {
    root.replaceChildren(...unfilled(onAdd));
    return;
  }
  const size = collection ? `Among ${counted(collection.items, "picture")}.` : "";
  root.replaceChildren(
    element("h1", {}, "Find pictures by what they show."),
    element("p", { class: "welcome-lead" }, `Describe one, show one, or take one and say what should change. ${size}`),
    ...(examples ? parts(examples, onTry) : []),
  );
}

function unfilled(onAdd) {
  return [
    element("h1", {}, "A place for your pictures."),
    element("p", { class: "welcome-lead" }, "There are none here yet. Add some, and find them by what they show."),
    onAdd ? button({ class: "state-first", onclick: onAdd }, "Add pictures") : element("span"),
  ];
}

function parts({ texts, pictures, changes }, onTry) {
  const ask = (parts) => () => onTry(makeQuery(parts));
  return [
    part("Describe it", "M4 7h16M4 12h11M4 17h7", "welcome-texts", texts.map((text) =>
      button({ class: "welcome-text", onclick: ask({ texts: [text] }) }, element("bdi", {}, text)))),
    part("Change it", "M12 5v14M5 12h14", "welcome-changes", changes.map(({ id, label, text }) =>
      button({ class: "welcome-change", onclick: ask({ picture: { id }, texts: [text] }), "aria-label": `${label}, but ${text}` },
        photo(id, ""), element("span", { class: "welcome-plus", "aria-hidden": "true" }, "+"), element("span", {}, text)))),
    part("Show it", "M4 16l4.5-4.5 4 4 2.5-2.5 5 5M4 5h16v14H4z", "welcome-pictures", pictures.map(({ id, label }) =>
      button({ class: "welcome-picture", onclick: ask({ picture: { id } }), title: "More like this" }, photo(id, label)))),
  ].filter((each) => each !== null);
}

function part(title, drawing, name, buttons) {
  if (buttons.length === 0) return null;
  return element("div", { class: "welcome-part" },
    element("h2", {}, icon(drawing), title),
    element("ul", { class: name }, ...buttons.map((each) => element("li", {}, each))));
}

function photo(id, alt) {
  return element("img", { src: thumbnailOf({ id }), alt, loading: "lazy", decoding: "async" });
}

function isShort(caption) {
  return caption && caption.length <= 48 && !caption.includes("\n");
}

/** So many of them, evenly apart. */
function spread(list, count) {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]);
}

// ids are made of contents, so that their order is nobody's
function byId(one, other) {
  return one.id < other.id ? -1 : 1;
}
