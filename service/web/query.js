/**
 * What is asked: a frozen plain object, and how it is written in the address.
 *
 * @typedef {{id: string} | {handle: string, url: string}} Picture
 *   One of the collection, or one of this device that the server keeps for a while; url: of its thumbnail.
 * @typedef {[number, number, number, number]} Box  left, top, right, bottom; shares of 0 to 1
 * @typedef {{text: string} | {id: string}} Excluded
 * @typedef {Object} Query
 * @property {readonly string[]} texts  with a picture: instructions, in turn; without: one at most
 * @property {Picture | null} picture
 * @property {Box | null} crop  the part of the picture that is meant
 * @property {readonly Excluded[]} exclude
 * @property {object | null} filter  as POST /v1/search takes it
 * @property {string | null} composer  null: the model's default
 * @property {number | null} minScore  pictures of a lower score are left out
 */

const ID = /^[0-9a-f]{32}$/;
const HANDLE = /^[\w-]{32}$/;
const DIGITS = 4;
const NAMES = ["text", "image", "picture", "crop", "not", "not-image", "filter", "composer", "min-score"];

/** Whether a text is an item's id. */
export const isId = (text) => ID.test(text);

/** A query of the given parts; what makes no sense together is dropped. @returns {Query} */
export function makeQuery({ texts = [], picture = null, crop = null, exclude = [], filter = null, composer = null, minScore = null } = {}) {
  const said = texts.map((text) => text.trim()).filter(Boolean);
  return Object.freeze({
    texts: Object.freeze(picture ? said : said.slice(-1)),
    picture: picture && Object.freeze({ ...picture }),
    crop: picture && crop ? Object.freeze(crop.map((share) => Number(share.toFixed(DIGITS)))) : null,
    exclude: Object.freeze(exclude.map((each) => Object.freeze({ ...each }))),
    filter: filter && Object.keys(filter).length ? filter : null,
    composer: picture && said.length ? composer : null,
    minScore: (picture || said.length) && Number.isFinite(minScore) ? Number(minScore.toFixed(DIGITS)) : null,
  });
}

export const EMPTY = makeQuery();

/** The query with some parts changed. @returns {Query} */
export const withParts = (query, parts) => makeQuery({ ...query, ...parts });

/** Whether nothing is looked for: all pictures then answer, or those that the filter leaves. */
export const isOpen = ({ texts, picture }) => !texts.length && !picture;

/** Whether nothing at all is asked. */
export const isEmpty = (query) => isOpen(query) && !query.filter;

/** "open" | "text" | "image" | "composed" */
export function kindOf({ texts, picture }) {
  if (!picture) return texts.length ? "text" : "open";
  return texts.length ? "composed" : "image";
}

/** Whether two queries ask the same. */
export const isSame = (one, other) => paramsOf(one).toString() === paramsOf(other).toString();

/** The query's part of an address. @returns {URLSearchParams} */
export function paramsOf({ texts, picture, crop, exclude, filter, composer, minScore }) {
  const params = new URLSearchParams();
  for (const text of texts) params.append("text", text);
  if (picture?.id) params.set("image", picture.id);
  if (picture?.handle) params.set("picture", picture.handle);
  if (crop) params.set("crop", crop.join(","));
  for (const each of exclude) params.append(each.id ? "not-image" : "not", each.id ?? each.text);
  if (filter) params.set("filter", JSON.stringify(filter));
  if (composer) params.set("composer", composer);
  if (minScore !== null) params.set("min-score", minScore);
  return params;
}

/** The query that an address holds; what cannot be read of it is left out. @returns {Query} */
export function queryOf(params) {
  return makeQuery({
    texts: params.getAll("text"),
    picture: pictureOf(params),
    crop: boxOf(params.get("crop")),
    exclude: [
      ...params.getAll("not").filter((text) => text.trim()).map((text) => ({ text: text.trim() })),
      ...params.getAll("not-image").filter(isId).map((id) => ({ id })),
    ],
    filter: filterOf(params.get("filter")),
    composer: params.get("composer"),
    minScore: params.get("min-score") ? Number(params.get("min-score")) : null,
  });
}

/** Whether a name in an address is a query's. */
export const isQueryName = (name) => NAMES.includes(name);

/** The address of a query alone, as links have it. */
export const hashOf = (query) => `#${paramsOf(query)}`;

/** The small picture's address. */
export function thumbnailOf(picture) {
  return picture.id ? `/v1/images/${picture.id}/thumbnail` : picture.url;
}

function pictureOf(params) {
  const id = params.get("image") ?? "";
  if (isId(id)) return { id };
  const handle = params.get("picture") ?? "";
  return HANDLE.test(handle) ? { handle, url: `/v1/pictures/${handle}/thumbnail` } : null;
}

function boxOf(text) {
  const box = (text ?? "").split(",").map(Number);
  const [left, top, right, bottom] = box;
  const fits = box.length === 4 && box.every((share) => share >= 0 && share <= 1);
  return fits && left < right && top < bottom ? box : null;
}

function filterOf(text) {
  try {
    const filter = JSON.parse(text);
    return filter && typeof filter === "object" && !Array.isArray(filter) ? filter : null;
  } catch {
    return null;
  }
}
