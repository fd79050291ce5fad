/**
 * Filters of a search: what is chosen as chips, and a panel to choose from, with counts.
 *
 * mountFilters(root, { onChange({ filter, minScore }), chips }) -> { update(query), answered(hits), recount() }
 * The panel fills `root`, which whoever mounts it shows and hides; the chips go into `chips`, an element that
 * stays in sight, or above the panel unless one is given. Counts are of the collection under all other
 * filters, by GET /v1/facets; they are asked for while the panel is in sight. update() takes over whatever
 * filter a query has, so that addresses restore the panel; recount() is for a collection that has changed.
 * onChange is told those parts of a query that change; answered() takes the hits, best first, for their scores.
 */

import { facets } from "./api.js";
import { counted, element } from "./elements.js";
import { Chips } from "./filters-chips.js";
import { NOTHING, choiceOf, filterOf } from "./filters-choice.js";
import { groupsOf } from "./filters-groups.js";
import { LeastScore, scoreName } from "./filters-score.js";
import { counting } from "./filters-values.js";
import { isAbort } from "./problem.js";

export function mountFilters(root, { onChange, chips = null }) {
  const filters = new Filters(onChange, chips ?? element("div"));
  root.replaceChildren(...(chips ? [] : [filters.chips.root]), filters.panel);
  return {
    update: (query) => filters.update(query),
    answered: (hits) => filters.score.found(hits),
    recount: () => filters.recount(),
  };
}

class Filters {
  #onChange;
  #choice = NOTHING;
  #minScore = null;
  #counted = null; // the filter that the counts are of, as JSON
  #asking = null;
  #isSeen = false;
  #groups = groupsOf((part) => this.#choose({ ...this.#choice, ...part }));
  #status = element("p", { class: "filters-status", role: "status" });

  constructor(onChange, chips) {
    this.#onChange = onChange;
    this.score = new LeastScore((minScore) => this.#choose(this.#choice, minScore));
    this.chips = new Chips(chips, { choose: (choice) => this.#choose(choice), clear: () => this.#choose(NOTHING, null) });
    this.panel = element("div", { class: "filters-panel", role: "group", "aria-label": "Filters" },
      this.#status, ...this.#groups.map(({ section }) => section), this.score.section);
    new IntersectionObserver(([{ isIntersecting }]) => this.#see(isIntersecting)).observe(this.panel);
  }

  update(query) {
    const { filter, minScore } = query;
    this.score.show(query);
    const isSame = JSON.stringify(filter) === JSON.stringify(filterOf(this.#choice)) && minScore === this.#minScore;
    if (!isSame) this.#take(choiceOf(filter), minScore);
  }

  recount() {
    this.#counted = null;
    if (this.#isSeen) this.#refresh();
  }

  #choose(choice, minScore = this.#minScore) {
    this.#take(choice, minScore);
    this.#onChange({ filter: filterOf(choice), minScore });
  }

  #take(choice, minScore) {
    this.#choice = choice;
    this.#minScore = minScore;
    const onRemove = () => this.#choose(this.#choice, null);
    this.chips.show(choice, minScore === null ? [] : [{ group: "Score", label: scoreName(minScore), onRemove }]);
    if (this.#isSeen) this.#refresh();
  }

  #see(isSeen) {
    this.#isSeen = isSeen;
    if (isSeen) return this.#refresh();
    this.#asking?.abort();
    this.#counted = null; // pictures may have come meanwhile
    return undefined;
  }

  async #refresh() {
    const filter = filterOf(this.#choice);
    const key = JSON.stringify(filter);
    if (this.#counted === key) return;
    this.#asking?.abort();
    const { signal } = (this.#asking = new AbortController());
    this.#counted = key;
    this.panel.setAttribute("aria-busy", "true");
    const all = facets({ field: "format", limit: 1, filter }, { signal }).then(({ items }) => items, () => null);
    const shown = await Promise.all(this.#groups.map((group) => refreshGroup(group, this.#choice, signal)));
    const total = await all;
    if (signal.aborted) return;
    this.panel.removeAttribute("aria-busy");
    // what could not be told is asked again next time
    if (shown.includes(null) || total === null) this.#counted = null;
    this.#status.textContent = statusOf([...shown, !this.score.section.hidden], total);
  }
}

function statusOf(shown, total) {
  if (total === null) return "The counts cannot be told now.";
  if (!shown.some(Boolean)) return "There is nothing to filter by here.";
  return `${counted(total, "picture")} in this collection ${total === 1 ? "fits" : "fit"}.`;
}

/** Whether there is anything to choose; null where it cannot be told. */
async function refreshGroup({ section, refresh, chosenOf, own }, choice, signal) {
  try {
    const isAny = await refresh(chosenOf(choice), counting(facets, choice, own, signal));
    section.hidden = !isAny;
    return isAny;
  } catch (error) {
    if (!isAbort(error)) section.hidden = true;
    return null;
  }
}
