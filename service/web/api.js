// The service's answers, or one plain sentence about what went wrong.

import { askForKey } from "./key.js";

export class Problem extends Error {}

/** query: {text, picture: null | {id} | {file}}; resolves to the service's search response. */
export function search(query, { limit, cursor, signal }) {
  if (query.picture?.file) return upload(query, { limit, cursor, signal });
  const body = { limit };
  if (query.text) body.text = query.text;
  if (query.picture) body.image = { id: query.picture.id };
  if (cursor) body.cursor = cursor;
  return ask("/v1/search", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

export function collection() {
  return ask("/v1/collection", {});
}

function upload(query, { limit, cursor, signal }) {
  const form = new FormData();
  form.set("image", query.picture.file);
  form.set("limit", String(limit));
  if (query.text) form.set("text", query.text);
  if (cursor) form.set("cursor", cursor);
  return ask("/v1/search/upload", { method: "POST", body: form, signal });
}

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server cannot be reached.");
  }
  if (response.status === 401) {
    await askForKey();
    return ask(address, options);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new Problem(answer?.detail ?? `The server answered ${response.status}.`);
}
