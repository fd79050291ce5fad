/**
 * The REST API, as the page uses it: one function a question, plain objects back.
 *
 * Every failure is a `Problem`, but for a request that was given up ("AbortError"). A key that is
 * asked for is asked for here, and the request sent again. What a question may wait for after a 429
 * or 503 is in the problem's `retryAfter`.
 */

import { askForKey, askForWriting } from "./key.js";
import { isAbort, Problem, problemOf, unreachable } from "./problem.js";
import { isOpen } from "./query.js";

export { Problem };

/**
 * The pictures that answer a query; all that the filter leaves, newest first, where nothing is looked for.
 * @param {import("./query.js").Query} query
 * @returns {Promise<{kind: string, hits: object[], next_cursor: string | null, total?: number,
 *   took_ms?: number, composer?: string | null, warnings: string[]}>}
 */
export function search(query, { limit = 40, cursor = null, signal } = {}) {
  return isOpen(query) ? browse(query, { limit, cursor, signal }) : send("/v1/search", bodyOf(query, limit, cursor), signal);
}

/** A page of the collection. */
export function listing({ limit = 100, cursor = null, order = "-taken_at", filter = null } = {}, { signal } = {}) {
  return ask(`/v1/images?${written({ limit, cursor, order, filter })}`, { signal });
}

/** How many pictures have each value of a field: GET /v1/facets. */
export function facets({ field, by = null, prefix = null, limit = null, filter = null }, { signal } = {}) {
  return ask(`/v1/facets?${written({ field, by, prefix, limit, filter })}`, { signal });
}

/** All that is known of one picture. */
export const item = (id, { signal } = {}) => ask(`/v1/images/${id}`, { signal });

export const collection = ({ signal } = {}) => ask("/v1/collection", { signal });

/** The model that answers, its composers among what is told. */
export const models = ({ signal } = {}) => ask("/v1/models", { signal });

/** The collection as points: GET /v1/overview, with the parameters given. */
export const overview = (parameters = {}, { signal } = {}) => ask(`/v1/overview?${written(parameters)}`, { signal });

/** The picture of where words are seen in a picture; `format` is png or json. */
export function heatmapUrl(id, text, format = "png") {
  return `/v1/images/${id}/heatmap?${written({ text, format })}`;
}

/**
 * Where words are seen in a picture, as a PNG to lay over it; models that cannot say refuse with "no_heatmap".
 * @returns {Promise<Blob>}
 */
export const heatmap = (id, text, { signal } = {}) => ask(heatmapUrl(id, text), { signal }, (response) => response.blob());

/**
 * A picture of this device to search by: the server keeps it for a while, under a handle.
 * @returns {Promise<import("./query.js").Picture>}
 */
export async function queryPicture(file, { signal } = {}) {
  const form = new FormData();
  form.set("image", file);
  const { handle, thumbnail_url: url } = await ask("/v1/pictures", { method: "POST", body: form, signal });
  return { handle, url };
}

/**
 * Adds a picture to the collection; `onProgress(share)` is told 0 to 1 of what has been sent.
 * @param {File} file
 * @returns {Promise<object>} the outcome of this one picture, as POST /v1/images tells it
 */
export async function addPicture(file, { name = file.name, signal, onProgress = () => {} } = {}) {
  const form = new FormData();
  form.set("image", file, name);
  const answer = await insisting(() => sendSlowly("/v1/images", form, { signal, onProgress }));
  return answer.images[0];
}

function bodyOf({ texts, picture, crop, exclude, filter, composer, minScore }, limit, cursor) {
  const body = { limit };
  if (texts.length) body.text = picture ? texts : texts[0];
  if (picture) body.image = picture.id ? { id: picture.id } : { handle: picture.handle };
  if (crop) body.crop = crop;
  if (exclude.length) body.exclude = exclude.map((each) => (each.id ? { image: { id: each.id } } : { text: each.text }));
  if (filter) body.filter = filter;
  if (minScore !== null) body.min_score = minScore;
  if (composer) body.composer = { name: composer };
  if (cursor) body.cursor = cursor;
  return body;
}

async function browse({ filter }, { limit, cursor, signal }) {
  const { items, ...answer } = await listing({ limit, cursor, filter }, { signal });
  return { kind: "open", hits: items, ...answer };
}

function send(address, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return ask(address, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function written(parameters) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined) continue;
    params.set(name, typeof value === "object" ? JSON.stringify(value) : value);
  }
  return params;
}

const ask = (address, options, content = jsonOf) => insisting(() => once(address, options, content));

/** Null for what is no JSON; what was given up while it came is no answer at all. */
const jsonOf = (response) =>
  response.json().catch((error) => {
    if (isAbort(error)) throw error;
    return null;
  });

/** Asks for the key that is missed, as often as one is. */
async function insisting(attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error.status === 401) await askForKey();
      else if (error.code === "scope_missing") await askForWriting(error);
      else throw error;
    }
  }
}

async function once(address, options, contentOf) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  const content = await (response.ok ? contentOf : jsonOf)(response);
  if (response.ok && content !== null) return content;
  throw problemOf({ status: response.status, retryAfter: response.headers.get("Retry-After"), content });
}

/** By XMLHttpRequest, since fetch does not tell how much of a body has been sent. */
function sendSlowly(address, form, { signal, onProgress }) {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.open("POST", address);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("given up", "AbortError"));
    request.onload = () => {
      const { status, response: content } = request;
      // what was refused of one picture is told beside it, and is no failure of the request
      if (content?.images) resolve(content);
      else reject(problemOf({ status, retryAfter: request.getResponseHeader("Retry-After"), content }));
    };
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
