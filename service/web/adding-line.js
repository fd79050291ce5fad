/** One picture that is added: its name, how far it is, what became of it. */

import { button, element, icon } from "./elements.js";
import { thumbnailOf } from "./query.js";

const CROSS = "M6 6l12 12M18 6L6 18";
const SAID = { waiting: "Waiting", sending: "Sending", added: "Added", known: "Was here already", cancelled: "Left out" };

/** States that a task stays in. */
export const ENDED = ["added", "known", "failed", "cancelled"];

export function lineOf({ name }, { onCancel, onAgain }) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": name });
  const said = element("span", { class: "adding-state" });
  const photo = element("span", { class: "adding-photo" });
  const cancel = button({ class: "adding-close", "aria-label": `Leave out ${name}`, title: "Leave out", onclick: onCancel }, icon(CROSS));
  const again = button({ class: "adding-quiet", "aria-label": `Try ${name} again`, onclick: onAgain }, "Again");
  const root = element("li", {}, photo,
    element("div", { class: "adding-text" }, element("span", { class: "adding-name", title: name }, element("bdi", {}, name)), bar, said), again, cancel);

  function show({ state, share, detail, outcome }) {
    const isSent = state === "sending" && share === 1;
    root.dataset.state = state;
    bar.value = share;
    bar.hidden = state !== "sending" && state !== "waiting";
    said.textContent = detail || (isSent ? "Being read" : SAID[state] ?? "");
    said.hidden = state === "sending" && !isSent;
    cancel.hidden = ENDED.includes(state);
    again.hidden = state !== "failed";
    if (outcome?.id && !photo.hasChildNodes()) photo.append(element("img", { src: thumbnailOf(outcome), alt: "", loading: "lazy" }));
  }

  return { root, show };
}
