/**
 * The address of what is seen: the query, the trail that led to it, the picture that is open.
 *
 * The query stands in the address by itself, so that links can be made by hand (#text=at+night). A
 * trail of several steps follows it: `step` for each as PARENT.QUERY, where the query that is looked at
 * is not written again, and `at`, which of them it is. `open` is the id of the picture in full view.
 */

import { isId, paramsOf, queryOf } from "./query.js";
import { queryIn, startTrail, trailOf } from "./trail.js";

/** @returns {string} the hash, "#" where there is nothing to say */
export function written({ trail, open = null }) {
  const params = paramsOf(queryIn(trail));
  if (trail.steps.length > 1) {
    trail.steps.forEach(({ parent, query }, i) =>
      params.append("step", `${parent}.${i === trail.at ? "" : paramsOf(query)}`));
    params.set("at", trail.at);
  }
  if (open) params.set("open", open);
  return `#${params}`;
}

/** @returns {{trail: import("./trail.js").Trail, open: string | null}} */
export function read(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const query = queryOf(params);
  const open = params.get("open") ?? "";
  const at = Number(params.get("at") ?? 0);
  const steps = params.getAll("step").map((step, i) => stepOf(step, i === at ? query : null));
  return { trail: steps.length ? trailOf(steps, at) : startTrail(query), open: isId(open) ? open : null };
}

function stepOf(step, query) {
  const point = step.indexOf(".");
  return { parent: Number(step.slice(0, point)), query: query ?? queryOf(new URLSearchParams(step.slice(point + 1))) };
}
