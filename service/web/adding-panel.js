/** The panel to add pictures in, and the note that stands for it while it is closed and work goes on. */

import { button, counted, element, icon } from "./elements.js";

const CROSS = "M6 6l12 12M18 6L6 18";
const NONE = Object.freeze({ total: 0, added: 0, known: 0, failed: 0, cancelled: 0, skipped: 0 });

export class Panel {
  list = element("ul", { class: "adding-list", "aria-label": "Pictures that are added" });
  pill = button({ class: "adding-pill", hidden: true, onclick: () => this.open() });
  #bar = element("progress", { class: "adding-all", max: 1, value: 0, "aria-label": "All pictures", hidden: true });
  #said = element("p", { class: "adding-said" });
  #unseen = element("p", { class: "adding-said" });
  #reason = element("p", {});
  #on;
  #files;
  #place;
  #problem;
  #stop;
  #again;
  #before = null; // what had the focus

  /** @param {{onFiles(given): void, onStop(): void, onRetry(): void, onGoOn(): void, onClose(): void}} on */
  constructor(on) {
    this.#on = on;
    this.#files = this.#picker({ accept: "image/*,.heic,.heif,.avif" }, "Choose pictures");
    const folder = this.#picker({ webkitdirectory: true }, "Choose a folder");
    this.#place = element("div", { class: "adding-place" }, element("p", {}, "Drop pictures or a folder here"),
      element("div", { class: "adding-picks" }, this.#files.parentNode, folder.parentNode));
    this.#stop = button({ class: "adding-quiet", onclick: on.onStop }, "Stop");
    this.#again = button({ class: "adding-quiet", onclick: on.onRetry }, "Try the failed again");
    this.#problem = element("div", { class: "adding-problem", role: "alert", hidden: true }, this.#reason,
      button({ class: "adding-quiet", onclick: on.onGoOn }, "Try again"));
    this.sheet = this.#laidOut();
    this.#listen();
    this.show({ tally: NONE, ended: 0, isBusy: false, unseen: 0 });
  }

  open() {
    this.sheet.hidden = false;
    this.pill.hidden = true;
    if (this.sheet.contains(document.activeElement)) return;
    this.#before = document.activeElement;
    this.#files.focus({ preventScroll: true });
  }

  close(isWorthANote) {
    this.sheet.hidden = true;
    this.pill.hidden = !isWorthANote;
    if (isWorthANote) this.pill.focus();
    else this.#before?.focus({ preventScroll: true });
  }

  /** What keeps all pictures from being added; null where nothing does. */
  fail(reason) {
    this.#problem.hidden = reason === null;
    this.#reason.textContent = reason ?? "";
    if (reason !== null) this.open();
  }

  show({ tally, ended, isBusy, unseen }) {
    const [done, all] = [ended, tally.total].map((number) => number.toLocaleString("en"));
    this.#bar.hidden = tally.total === 0;
    this.#bar.max = Math.max(1, tally.total);
    this.#bar.value = ended;
    this.#said.textContent = isBusy ? `${done} of ${counted(tally.total, "picture")}` : summary(tally);
    this.#stop.hidden = !isBusy;
    this.#again.hidden = isBusy || tally.failed === 0;
    this.#unseen.textContent = unseen ? `${unseen.toLocaleString("en")} more are waiting.` : "";
    this.pill.textContent = isBusy ? `Adding ${done} of ${all}` : summary(tally);
    this.#place.classList.toggle("adding-small", tally.total > 0);
  }

  #picker(given, label) {
    const input = element("input", { type: "file", multiple: true, class: "adding-input", "aria-label": label, ...given });
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = ""; // so that the same can be chosen again
      if (files.length) this.#on.onFiles(files);
    });
    element("label", { class: "adding-pick" }, input, label);
    return input;
  }

  #laidOut() {
    const close = button({ class: "adding-close", "aria-label": "Close", title: "Close", onclick: this.#on.onClose }, icon(CROSS));
    return element("section", { class: "adding-sheet", "aria-label": "Add pictures", hidden: true },
      element("div", { class: "adding-head" }, element("h2", {}, "Add pictures"), close),
      this.#place, this.#problem,
      element("div", { class: "adding-sum" }, this.#bar, element("div", { class: "adding-row" }, this.#said, this.#stop, this.#again)),
      this.list, this.#unseen);
  }

  #listen() {
    takeDrops(this.sheet, this.#place, this.#on.onFiles);
    this.sheet.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#on.onClose();
    });
  }
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

/** "2 pictures added · 1 not taken" */
export function summary({ added, known, failed, cancelled, skipped }) {
  const parts = [
    added && `${counted(added, "picture")} added`,
    known && `${known.toLocaleString("en")} already here`,
    failed && `${failed.toLocaleString("en")} not taken`,
    cancelled && `${cancelled.toLocaleString("en")} left out`,
    skipped && `${counted(skipped, "other file")} passed over`,
  ];
  return parts.filter(Boolean).join(" · ");
}
