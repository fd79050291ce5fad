/**
 * The answer to a query, page by page: the grid, the line above it, and what is said where no pictures are.
 *
 * A page that fails is told of and can be asked for again; one that was overtaken by another query is
 * given up. Answers that were left stay for the way back, with the place that they were left at.
 */

import { search } from "./api.js";
import { Grid } from "./grid.js";
import { isAbort } from "./problem.js";
import { isEmpty, kindOf, paramsOf } from "./query.js";
import { showState, stateOf } from "./states.js";
import { nameOf } from "./tile.js";

const PAGE = 60;
const SLOW_MS = 1500;
const KEPT = 6; // answers
const KINDS = { open: "", text: " by text", image: " like this picture", composed: " by picture and text" };
const $ = (id) => document.getElementById(id);

export class Results {
  #on;
  #answer = null; // {query, hits, cursor, total, ...} of what is looked at
  #kept = new Map();
  #loading = null;

  /** @param {import("./grid.js").Deeds & {answered(answer): void, ask(query): void, add(): void}} on */
  constructor(on) {
    this.#on = on;
    this.grid = new Grid($("hits"), { ...on, more: () => this.#more() });
  }

  get hits() {
    return this.grid.hits;
  }

  /** Asks a query, unless its answer is still there; shows it once the page above is `isReady`. */
  async show(query, isReady = null) {
    this.#leave();
    const kept = this.#kept.get(keyOf(query));
    this.#answer = kept ?? { query, hits: [], cursor: null, isWhole: false, isShown: false, place: 0 };
    showState($("state"), null);
    showState($("end"), null);
    if (kept) this.#again(kept);
    else await this.#begin(isReady);
  }

  /** Asks again what is shown: the collection has changed. */
  refresh() {
    this.#kept.clear();
    const { query } = this.#answer;
    this.#answer = null;
    return this.show(query);
  }

  #leave() {
    this.#loading?.abort();
    const left = this.#answer;
    if (!left?.hits.length) return;
    left.place = scrollY;
    left.active = this.grid.active;
    this.#kept.delete(keyOf(left.query));
    this.#kept.set(keyOf(left.query), left);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }

  #again(kept) {
    this.grid.set(kept.hits, kept.isWhole);
    this.grid.activate(kept.active ?? 0);
    scrollTo({ top: kept.place, behavior: "instant" });
    this.grid.draw();
    this.#tell();
  }

  /** The pictures from before stay, faint, until the first of the answer are there. */
  async #begin(isReady = null) {
    const answer = this.#answer;
    const slow = setTimeout(() => this.#saySlow(), SLOW_MS);
    $("status").textContent = answer.query.texts.length || answer.query.picture ? "Searching…" : "";
    const page = await this.#load($("state"), () => this.#begin());
    clearTimeout(slow);
    await isReady;
    if (answer !== this.#answer) return;
    if (!page) return this.#clear();
    performance.mark("answer");
    answer.isShown = true;
    scrollTo({ top: 0, behavior: "instant" });
    this.grid.set(answer.hits, answer.isWhole);
    // the welcome says it of a collection without pictures
    if (!answer.hits.length && !isEmpty(answer.query)) showState($("state"), "empty", this.#details());
    else showState($("state"), null);
    this.#tell();
  }

  #clear() {
    this.grid.set([], true);
    $("status").textContent = "";
  }

  #saySlow() {
    this.grid.set([], true);
    const onCancel = () => {
      this.#loading?.abort();
      showState($("state"), null);
      $("status").textContent = "Not asked any more.";
    };
    showState($("state"), "slow", { ...this.#details(), onCancel });
  }

  async #more() {
    const answer = this.#answer;
    if (this.#loading || !answer?.isShown || answer.isWhole || $("end").hasChildNodes()) return;
    const hits = await this.#load($("end"), () => this.#more());
    if (!hits || answer !== this.#answer) return;
    this.grid.append(hits, answer.isWhole);
    this.#tell();
  }

  /** The next page's hits, kept with the answer; null where there are none to show. */
  async #load(place, retry) {
    const loading = new AbortController();
    const answer = this.#answer;
    this.#loading = loading;
    $("hits").setAttribute("aria-busy", "true");
    try {
      const page = await search(answer.query, { limit: PAGE, cursor: answer.cursor, signal: loading.signal });
      const hits = page.hits.map(slim);
      answer.hits = answer.hits.concat(hits);
      Object.assign(answer, { cursor: page.next_cursor, isWhole: !page.next_cursor, total: page.total ?? null });
      Object.assign(answer, { kind: page.kind, composer: page.composer ?? null, took: page.took_ms ?? null, warnings: page.warnings });
      return hits;
    } catch (error) {
      if (!isAbort(error)) this.#fail(error, place, retry);
      return null;
    } finally {
      if (this.#loading === loading) {
        this.#loading = null;
        $("hits").removeAttribute("aria-busy");
      }
    }
  }

  #fail(error, place, retry) {
    if (error.name !== "Problem") throw error;
    const onRetry = () => {
      showState(place, null);
      retry();
    };
    showState(place, stateOf(error), { ...this.#details(), problem: error, onRetry });
  }

  #details() {
    const { query } = this.#answer;
    return { query, onTry: this.#on.ask, onAdd: this.#on.add, onRetry: () => this.refresh() };
  }

  #tell() {
    const { hits, total, isWhole, kind, took, warnings } = this.#answer;
    const count = total ?? hits.length;
    const best = isWhole || total !== null ? "" : "Best ";
    const pictures = count === 1 ? "picture" : "pictures";
    const parts = [`${best}${count.toLocaleString("en")} ${pictures}${KINDS[kind]}`];
    if (took !== null) parts.push(`${Math.round(took)} ms`);
    $("status").textContent = hits.length ? [...parts, ...warnings].join(" · ") : warnings.join(" · ");
    this.#on.answered(this.#answer);
  }
}

const keyOf = (query) => `${kindOf(query)} ${paramsOf(query)}`;

/** What the grid needs of a hit, and no more: thousands of them are held. */
function slim({ id, score, caption, path, width, height }) {
  return { id, score, name: nameOf({ caption, path }), width, height };
}
