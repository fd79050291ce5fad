/**
 * Adding pictures: a panel in a corner, which stays while one goes on searching.
 *
 * mountAdding(root, { onAdded(outcomes) }) -> { add(given), open() }
 * given is a FileList, files, a DataTransfer or file system entries; onAdded is told what has joined the collection,
 * as POST /v1/images tells it, some at a time. Every picture has a line with its progress and, where it was
 * refused, the server's reason. A key that may write is asked for by api.js and kept by the session alone.
 */

import { filesOf } from "./adding-files.js";
import { ENDED, lineOf } from "./adding-line.js";
import { Panel, summary } from "./adding-panel.js";
import { makeQueue } from "./adding-queue.js";
import { addPicture } from "./api.js";
import { announce } from "./elements.js";

const MOST_LINES = 200;
const TOLD_EVERY_MS = 1500;
const NO_KEY = "A key that may write is needed to add pictures.";

export function mountAdding(root, { onAdded }) {
  const adding = new Adding(onAdded);
  root.replaceChildren(adding.panel.pill, adding.panel.sheet);
  return { add: (given) => adding.add(given), open: () => adding.panel.open() };
}

class Adding {
  #onAdded;
  #tally = { total: 0, added: 0, known: 0, failed: 0, cancelled: 0, skipped: 0 };
  #lines = new Map(); // of tasks
  #fresh = []; // outcomes that nobody was told of
  #telling = null;
  #said = 0; // how many had ended when it was last read out
  #queue = makeQueue({
    send: ({ file, name }, options) => addPicture(file, { name, ...options }),
    onChange: (task) => this.#show(task),
    onStop: (problem) => this.panel.fail(problem.code === "scope_missing" ? NO_KEY : problem.message),
    onIdle: () => this.#sum(),
  });

  constructor(onAdded) {
    this.#onAdded = onAdded;
    this.panel = new Panel({
      onFiles: (given) => this.add(given),
      onStop: () => this.#queue.cancelAll(),
      onRetry: () => this.#retry([...this.#lines.keys()].filter(({ state }) => state === "failed")),
      onGoOn: () => this.#retry([]),
      onClose: () => this.#close(),
    });
  }

  async add(given) {
    this.panel.open();
    this.panel.fail(null);
    for await (const { file, name } of filesOf(given, () => (this.#tally.skipped += 1))) {
      this.#tally.total += 1;
      this.#queue.add({ file, name });
    }
    this.#sum();
  }

  #show(task) {
    const hasEnded = ENDED.includes(task.state);
    if (hasEnded) this.#tally[task.state] += 1;
    if (!this.#lines.has(task) && (this.#lines.size < MOST_LINES || task.state !== "waiting")) this.#draw(task);
    this.#lines.get(task)?.show(task);
    if (task.outcome) this.#tell(task.outcome);
    if (this.#lines.size > MOST_LINES && hasEnded && task.state !== "failed") this.#drop(task);
    this.#sum();
  }

  #draw(task) {
    const line = lineOf(task, { onCancel: () => this.#queue.cancel(task), onAgain: () => this.#retry([task]) });
    this.#lines.set(task, line);
    this.panel.list.append(line.root);
  }

  #drop(task) {
    this.#lines.get(task)?.root.remove();
    this.#lines.delete(task);
  }

  #retry(tasks) {
    this.panel.fail(null);
    for (const task of tasks) {
      this.#tally[task.state] -= 1;
      this.#queue.add(task);
    }
    this.#queue.goOn();
  }

  #tell(outcome) {
    this.#fresh.push(outcome);
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      this.#onAdded(this.#fresh.splice(0));
    }, TOLD_EVERY_MS);
  }

  #sum() {
    const { total, added, known, failed, cancelled } = this.#tally;
    const ended = added + known + failed + cancelled;
    const isBusy = this.#queue.isBusy();
    const open = [...this.#lines.keys()].filter(({ state }) => !ENDED.includes(state)).length;
    this.panel.show({ tally: this.#tally, ended, isBusy, unseen: Math.max(0, total - ended - open) });
    if (isBusy) return;
    if (total > 0 && this.#said !== ended) announce(summary(this.#tally));
    this.#said = ended;
  }

  #close() {
    const isBusy = this.#queue.isBusy();
    if (!isBusy) this.#clear();
    this.panel.close(isBusy || this.#tally.failed > 0);
  }

  /** Only what was refused is still worth a line. */
  #clear() {
    for (const task of [...this.#lines.keys()]) if (task.state !== "failed") this.#drop(task);
    Object.assign(this.#tally, { total: this.#tally.failed, added: 0, known: 0, cancelled: 0, skipped: 0 });
    this.#said = this.#tally.failed;
    this.#sum();
  }
}
