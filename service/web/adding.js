/**
 * Adding pictures: a panel in a corner, which stays while one goes on searching.
 *
 * mountAdding(root, { onAdded(outcomes) }) -> { add(given), open() }
 * given is a FileList, files, a DataTransfer or file system entries; onAdded is told what has joined the collection,
 * as POST /v1/images tells it, some at a time. Every picture has a line with its progress and, where it was
 * refused, the server's reason. A key that may write is asked for by api.js and kept by the session alone.
 */

import { filesOf } from "./adding-files.js";
import { makeQueue } from "./adding-queue.js";
import { addPicture } from "./api.js";
import { announce, button, counted, element, icon } from "./elements.js";
import { thumbnailOf } from "./query.js";

const CROSS = "M6 6l12 12M18 6L6 18";
const MOST_LINES = 200;
const TOLD_EVERY_MS = 1500;
const ENDED = ["added", "known", "failed", "cancelled"];
const SAID = { waiting: "Waiting", sending: "Sending", added: "Added", known: "Was here already", cancelled: "Left out" };

export function mountAdding(root, { onAdded }) {
  const tally = { total: 0, added: 0, known: 0, failed: 0, cancelled: 0, skipped: 0 };
  const lines = new Map();
  const fresh = [];
  let telling = null;
  const queue = makeQueue({
    send: ({ file, name }, options) => addPicture(file, { name, ...options }),
    onChange: changed,
    onStop: stopped,
    onIdle: sum,
  });
  const view = panel({ onFiles: add, onStopAll: () => queue.cancelAll(), onRetry: retry, onClose: close });
  root.replaceChildren(view.pill, view.sheet);
  view.pill.addEventListener("click", open);

  async function add(given) {
    open();
    view.problem.hidden = true;
    for await (const { file, name } of filesOf(given, () => (tally.skipped += 1))) {
      tally.total += 1;
      queue.add({ file, name });
    }
    sum();
  }

  function changed(task) {
    if (ENDED.includes(task.state)) tally[task.state] += 1;
    const line = lines.get(task) ?? (lines.size < MOST_LINES || task.state !== "waiting" ? made(task) : null);
    line?.show(task);
    if (task.outcome) tell(task.outcome);
    if (lines.size > MOST_LINES && ENDED.includes(task.state) && task.state !== "failed") drop(task);
    sum();
  }

  function made(task) {
    const line = lineOf(task, () => queue.cancel(task), () => retry([task]));
    lines.set(task, line);
    view.list.append(line.root);
    return line;
  }

  function drop(task) {
    lines.get(task)?.root.remove();
    lines.delete(task);
  }

  function retry(tasks = [...lines.keys()].filter(({ state }) => state === "failed")) {
    view.problem.hidden = true;
    for (const task of tasks) {
      tally[task.state] -= 1;
      queue.add(task);
    }
    queue.goOn();
  }

  function stopped(problem) {
    view.reason.textContent = problem.code === "scope_missing" ? "A key that may write is needed to add pictures." : problem.message;
    view.problem.hidden = false;
    open();
  }

  function tell(outcome) {
    fresh.push(outcome);
    telling ??= setTimeout(() => {
      telling = null;
      onAdded(fresh.splice(0));
    }, TOLD_EVERY_MS);
  }

  function sum() {
    const ended = tally.added + tally.known + tally.failed + tally.cancelled;
    const isBusy = queue.isBusy();
    const waitingUnseen = Math.max(0, tally.total - ended - [...lines.keys()].filter(({ state }) => !ENDED.includes(state)).length);
    view.show({ tally, ended, isBusy, waitingUnseen });
    if (!isBusy && ended === tally.total && tally.total > 0 && tally.said !== ended) announce(summary(tally));
    if (!isBusy) tally.said = ended;
  }

  function open() {
    view.sheet.hidden = false;
    view.pill.hidden = true;
    if (!view.sheet.contains(document.activeElement)) view.first.focus({ preventScroll: true });
  }

  function close() {
    view.sheet.hidden = true;
    view.pill.hidden = !queue.isBusy() && tally.failed === 0;
    if (!queue.isBusy()) clearEnded();
    if (!view.pill.hidden) view.pill.focus();
  }

  function clearEnded() {
    for (const task of [...lines.keys()]) if (task.state !== "failed") drop(task);
    Object.assign(tally, { total: tally.failed, added: 0, known: 0, cancelled: 0, skipped: 0 });
    sum();
  }

  return { add, open };
}

function panel({ onFiles, onStopAll, onRetry, onClose }) {
  const picker = (given, label) => {
    const input = element("input", { type: "file", multiple: true, class: "adding-input", "aria-label": label, ...given });
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = ""; // so that the same can be chosen again
      if (files.length) onFiles(files);
    });
    return { input, label: element("label", { class: "adding-pick" }, input, label) };
  };
  const files = picker({ accept: "image/*,.heic,.heif,.avif" }, "Choose pictures");
  const folder = picker({ webkitdirectory: true }, "Choose a folder");
  const title = element("h2", {}, "Add pictures");
  const bar = element("progress", { class: "adding-all", max: 1, value: 0, "aria-label": "All pictures", hidden: true });
  const said = element("p", { class: "adding-said" });
  const stop = button({ class: "adding-quiet", onclick: onStopAll }, "Stop");
  const again = button({ class: "adding-quiet", onclick: () => onRetry() }, "Try the failed again");
  const reason = element("p", {});
  const problem = element("div", { class: "adding-problem", role: "alert", hidden: true }, reason,
    button({ class: "adding-quiet", onclick: () => onRetry([]) }, "Try again"));
  const list = element("ul", { class: "adding-list", "aria-label": "Pictures that are added" });
  const unseen = element("p", { class: "adding-said" });
  const place = element("div", { class: "adding-place" },
    element("p", {}, "Drop pictures or a folder here"), element("div", { class: "adding-picks" }, files.label, folder.label));
  const sheet = element("section", { class: "adding-sheet", "aria-label": "Add pictures", hidden: true },
    element("div", { class: "adding-head" }, title, button({ class: "adding-close", "aria-label": "Close", title: "Close", onclick: onClose }, icon(CROSS))),
    place, problem, element("div", { class: "adding-sum" }, bar, element("div", { class: "adding-row" }, said, stop, again)), list, unseen);
  const pill = button({ class: "adding-pill", hidden: true });
  takeDrops(sheet, place, onFiles);
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  });

  function show({ tally, ended, isBusy, waitingUnseen }) {
    bar.hidden = tally.total === 0;
    bar.max = Math.max(1, tally.total);
    bar.value = ended;
    said.textContent = isBusy ? `${ended.toLocaleString("en")} of ${counted(tally.total, "picture")}` : summary(tally);
    stop.hidden = !isBusy;
    again.hidden = isBusy || tally.failed === 0;
    unseen.textContent = waitingUnseen ? `${waitingUnseen.toLocaleString("en")} more are waiting.` : "";
    pill.textContent = isBusy ? `Adding ${ended.toLocaleString("en")} of ${tally.total.toLocaleString("en")}` : summary(tally);
    place.classList.toggle("adding-small", tally.total > 0);
  }

  return { sheet, pill, list, problem, reason, first: files.input, show };
}

function takeDrops(sheet, place, onFiles) {
  const mark = (isOver) => place.classList.toggle("adding-over", isOver);
  sheet.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    mark(true);
  });
  sheet.addEventListener("dragleave", (event) => mark(sheet.contains(event.relatedTarget)));
  sheet.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    onFiles(event.dataTransfer);
  });
}

function lineOf(task, onCancel, onAgain) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": task.name });
  const said = element("span", { class: "adding-state" });
  const photo = element("span", { class: "adding-photo" });
  const cancel = button({ class: "adding-close", "aria-label": `Leave out ${task.name}`, title: "Leave out", onclick: onCancel }, icon(CROSS));
  const again = button({ class: "adding-quiet", "aria-label": `Try ${task.name} again`, onclick: onAgain }, "Again");
  const root = element("li", {}, photo,
    element("div", { class: "adding-text" }, element("span", { class: "adding-name", title: task.name }, task.name), bar, said), again, cancel);

  function show({ state, share, detail, outcome }) {
    root.dataset.state = state;
    bar.value = share;
    bar.hidden = state !== "sending" && state !== "waiting";
    said.textContent = detail || (share === 1 && state === "sending" ? "Being read" : SAID[state] ?? "");
    said.hidden = !bar.hidden && state === "sending" && share < 1;
    cancel.hidden = ENDED.includes(state);
    again.hidden = state !== "failed";
    if (outcome?.id && !photo.hasChildNodes()) photo.append(element("img", { src: thumbnailOf(outcome), alt: "", loading: "lazy" }));
  }

  return { root, show };
}

function summary({ added, known, failed, cancelled, skipped }) {
  const parts = [
    added && `${counted(added, "picture")} added`,
    known && `${known.toLocaleString("en")} already here`,
    failed && `${failed.toLocaleString("en")} not taken`,
    cancelled && `${cancelled.toLocaleString("en")} left out`,
    skipped && `${counted(skipped, "other file")} passed over`,
  ];
  return parts.filter(Boolean).join(" · ");
}
