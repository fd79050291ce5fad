/**
 * What is shown in place of pictures: one card that says what is the matter and what can be done.
 *
 * showState(root, kind, details): kind is "empty", "slow", "offline", "overloaded", "starting", "mismatch" or
 * "error", or null for none; details = { query, problem, onRetry(), onTry(query), onCancel(), onAdd() }, each as
 * far as there is one. stateOf(problem) names the kind. A card that waits for something calls onRetry()
 * by itself: overloaded when the server's Retry-After is over, offline and starting once the server answers.
 * A root shows one card at a time; showing another, or none, ends the waiting of the one before.
 */

import { announce, button, element, icon } from "./elements.js";
import { scoreName } from "./filters-score.js";
import { nearest, nearestScored } from "./states-nearest.js";
import { countdown, untilAnswer } from "./states-waiting.js";

export { findExamples, welcome } from "./states-welcome.js";

const ICONS = {
  empty: ["M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5z", "M9 9.5l6 5M15 9.5l-6 5"],
  slow: ["M12 3.5a8.5 8.5 0 1 0 8.5 8.5", "M12 7.5V12l3 2"],
  offline: ["M3 9.5a13 13 0 0 1 18 0M6.5 13a8 8 0 0 1 11 0M10 16.5a3.2 3.2 0 0 1 4 0", "M4 4l16 16"],
  overloaded: ["M5 19h14M5 14h14M5 9h14", "M12 3v3"],
  starting: ["M12 3v4M12 17v4M3 12h4M17 12h4M5.6 5.6l2.9 2.9M15.5 15.5l2.9 2.9M5.6 18.4l2.9-2.9M15.5 8.5l2.9-2.9"],
  mismatch: ["M9 5H5v14h4M15 5h4v14h-4", "M9.5 12h5M12 9.5v5"],
  error: ["M12 4l9 15.5H3z", "M12 10v4M12 16.6v.2"],
};
const FIRST_WAIT_S = 2;
const endings = new WeakMap(); // of each root's card

/** @param {import("./problem.js").Problem} problem */
export function stateOf({ status, code }) {
  if (status === 0) return "offline";
  if (status === 429 || code === "overloaded") return "overloaded";
  if (code === "space_mismatch") return "mismatch";
  return status === 503 ? "starting" : "error";
}

export function showState(root, kind, details = {}) {
  endings.get(root)?.abort();
  endings.delete(root);
  if (kind === null) {
    root.replaceChildren();
    return;
  }
  const ending = new AbortController();
  endings.set(root, ending);
  const card = KINDS[kind](details, ending.signal);
  const isAlarm = kind === "error" || kind === "mismatch";
  root.replaceChildren(element("div", { class: `state-card state-${kind}`, role: isAlarm ? "alert" : null },
    element("div", { class: "state-art" }, icon(...ICONS[kind])),
    element("h2", {}, card.title),
    element("p", { class: "state-text" }, card.text),
    card.more ?? null,
    element("div", { class: "state-actions" }, ...(card.actions ?? [])),
    card.below ?? null));
  if (!isAlarm) announce(`${card.title}. ${card.text}`);
}

const KINDS = {
  empty(details, signal) {
    const isFiltered = Boolean(details.query?.filter);
    const below = element("div", { class: "state-nearest" });
    const offered = element("div", { class: "state-offers" });
    if (Number.isFinite(details.query?.minScore)) return belowScore(offered, below, details, signal);
    if (isFiltered) nearest({ below, offered }, details, signal);
    return isFiltered
      ? { title: "No picture fits all of this", text: "The filters that are on leave no picture to choose from.", more: offered, below }
      : {
          title: "There are no pictures here yet",
          text: "Once there are some, they are found by what they show.",
          actions: [action("Add pictures", details.onAdd, true)],
        };
  },
  slow: ({ onCancel }) => ({
    title: "Still looking",
    text: "The server takes longer than usual. It may be busy, or just starting.",
    more: element("div", { class: "state-line", "aria-hidden": "true" }),
    actions: [action("Stop waiting", onCancel)],
  }),
  offline({ onRetry }, signal) {
    untilAnswer("/livez", { signal, onAnswer: onRetry });
    const isHere = navigator.onLine === false;
    return {
      title: isHere ? "You are offline" : "The server does not answer",
      text: "The search goes on by itself as soon as there is a connection.",
      more: pulse(),
      actions: [action("Try now", onRetry, true)],
    };
  },
  overloaded({ problem, onRetry, onCancel }, signal) {
    const wait = Math.max(1, Math.ceil(problem?.retryAfter ?? FIRST_WAIT_S));
    const isOne = problem?.status === 429;
    return {
      title: isOne ? "A little too fast" : "Many are searching just now",
      text: isOne
        ? "This server takes only so many questions a minute. The search goes on by itself."
        : "The server asks for a moment’s patience. The search goes on by itself.",
      more: countdown(wait, { signal, onEnd: onRetry }),
      actions: [action("Try now", onRetry, true), action("Stop waiting", onCancel)],
    };
  },
  starting({ problem, onRetry }, signal) {
    untilAnswer("/readyz", { signal, onAnswer: onRetry, firstWait_s: problem?.retryAfter ?? FIRST_WAIT_S });
    return {
      title: "Not ready just now",
      text: "The server is getting ready, or making room. The search goes on by itself once it answers.",
      more: element("div", {}, pulse(), reason(problem)),
      actions: [action("Try now", onRetry, true)],
    };
  },
  mismatch: ({ problem, onRetry }) => ({
    title: "This server’s model does not fit the collection",
    text: "The pictures have been indexed with another model than the one that runs here, so that no answer would be right. "
      + "Whoever runs the server starts it with the collection’s model.",
    more: reason(problem),
    actions: [action("Try again", onRetry, true)],
  }),
  error: ({ problem, onRetry, onCancel }) => ({
    title: problem?.status >= 500 ? "Something went wrong" : "This cannot be searched for",
    text: problem?.detail ?? "The server did not say why.",
    more: number(problem),
    actions: [action("Try again", onRetry, true), action("Start over", onCancel)],
  }),
};

function belowScore(offered, below, details, signal) {
  const told = element("p", { role: "status" });
  nearestScored({ told, offered, below }, details, signal);
  return {
    title: `No picture has a score of ${scoreName(details.query.minScore)}`,
    text: details.query.filter ? "None of those that the filters leave comes so near to what was asked." : "None comes so near to what was asked.",
    more: element("div", {}, told, offered),
    below,
  };
}

function action(label, onclick, isFirst = false) {
  return onclick ? button({ class: isFirst ? "state-first" : "state-second", onclick }, label) : null;
}

function pulse() {
  return element("div", { class: "state-pulse", "aria-hidden": "true" }, element("span"), element("span"), element("span"));
}

function reason(problem) {
  return problem?.detail ? element("p", { class: "state-reason" }, problem.detail) : null;
}

/** What finds a failure in the server's log. */
function number(problem) {
  const id = problem?.content?.request_id;
  return id && problem.status >= 500 ? element("p", { class: "state-reason" }, "In the server’s log: ", element("code", {}, id)) : null;
}
