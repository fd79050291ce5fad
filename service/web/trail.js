/**
 * A trail of steps: a small tree of queries, and the one that is looked at. Plain frozen data.
 *
 * @typedef {{parent: number, query: import("./query.js").Query}} Step  parent: -1 of the first
 * @typedef {{steps: readonly Step[], at: number}} Trail
 */

import { EMPTY, isEmpty, isSame } from "./query.js";

const MAX_STEPS = 24; // an address is to stay short enough to be sent

/** A trail of one step. @returns {Trail} */
export const startTrail = (query = EMPTY) => made([{ parent: -1, query }], 0);

/** The trail of these steps, or a new one where they are no tree. @returns {Trail} */
export function trailOf(steps, at) {
  const isTree = steps.length > 0 && steps.every(({ parent }, i) => Number.isInteger(parent) && parent < i && parent >= -1);
  return isTree && steps[at] ? made(steps.slice(0, MAX_STEPS), Math.min(at, MAX_STEPS - 1)) : startTrail();
}

/** The query that is looked at. */
export const queryIn = (trail) => trail.steps[trail.at].query;

/** One step on from here, a branch where another went on before; nothing new for what is there. */
export function goOn(trail, query) {
  if (isEmpty(query) || isEmpty(queryIn(trail))) return isSame(query, queryIn(trail)) ? trail : startTrail(query);
  if (isSame(query, queryIn(trail))) return trail;
  const there = childrenOf(trail, trail.at).find((i) => isSame(trail.steps[i].query, query));
  if (there !== undefined) return made(trail.steps, there);
  const steps = [...trail.steps, { parent: trail.at, query }];
  return pruned(made(steps, steps.length - 1));
}

/** The step that is looked at, asked differently. */
export function amend(trail, query) {
  return made(trail.steps.map((step, i) => (i === trail.at ? { ...step, query } : step)), trail.at);
}

/** The same trail, looked at elsewhere. */
export const goTo = (trail, at) => made(trail.steps, at);

/** One step back, or the same trail at its beginning. */
export function undo(trail) {
  const { parent } = trail.steps[trail.at];
  return parent < 0 ? trail : made(trail.steps, parent);
}

/** The steps from the first to this one. @returns {number[]} */
export function pathTo(trail, at = trail.at) {
  const path = [];
  for (let i = at; i >= 0; i = trail.steps[i].parent) path.unshift(i);
  return path;
}

/** The steps that went on from one, in the order in which they were taken. @returns {number[]} */
export function childrenOf(trail, at) {
  return trail.steps.flatMap(({ parent }, i) => (parent === at ? [i] : []));
}

/** From the first step over this one to the end of its latest branch. @returns {number[]} */
export function lineThrough(trail) {
  const line = pathTo(trail);
  for (let next = childrenOf(trail, trail.at).at(-1); next !== undefined; next = childrenOf(trail, next).at(-1)) line.push(next);
  return line;
}

function made(steps, at) {
  return Object.freeze({ steps: Object.freeze(steps.map((step) => Object.freeze({ ...step }))), at });
}

/** Leaves out the oldest branches, then the oldest steps, while there are too many. */
function pruned(trail) {
  if (trail.steps.length <= MAX_STEPS) return trail;
  const path = new Set(pathTo(trail));
  const leaf = trail.steps.findIndex((_, i) => !path.has(i) && !childrenOf(trail, i).length);
  return pruned(without(trail, leaf < 0 ? 0 : leaf));
}

function without(trail, gone) {
  const moved = (i) => (i > gone ? i - 1 : i);
  const steps = trail.steps
    .filter((_, i) => i !== gone)
    .map(({ parent, query }) => ({ parent: parent === gone ? -1 : moved(parent), query }));
  return made(steps, moved(trail.at));
}
