/**
 * Pictures on their way into the collection, a few at a time.
 *
 * makeQueue({ send, onChange, onStop, onIdle }): send(task, { signal, onProgress }) resolves to the picture's outcome. A task is
 * { file, name, state, share, detail, outcome }; its state goes from "waiting" over "sending" and "again" (which
 * waits for the server's Retry-After) to "added", "known", "failed" or "cancelled". What would befall every other
 * picture, too, as a full disk, stops the queue: onStop(problem); goOn() tries again. onIdle() is
 * called once nothing is left to do.
 */

import { isAbort } from "./problem.js";

const AT_A_TIME = 3;
const MOST_TRIES = 8;
const LONGEST_WAIT_S = 30;
const SECOND_MS = 1000;
const FOR_ALL = ["scope_missing", "read_only", "no_room", "space_mismatch"];

export function makeQueue({ send, onChange, onStop, onIdle }) {
  const waiting = [];
  const running = new Map(); // of each task, what ends it
  let isStopped = false;

  function add(task) {
    Object.assign(task, { state: "waiting", share: 0, detail: "", outcome: null });
    waiting.push(task);
    onChange(task);
    pump();
  }

  function pump() {
    while (!isStopped && running.size < AT_A_TIME && waiting.length) {
      const task = waiting.shift();
      const ending = new AbortController();
      running.set(task, ending);
      run(task, ending.signal).finally(() => {
        running.delete(task);
        pump();
        if (waiting.length + running.size === 0) onIdle();
      });
    }
  }

  async function run(task, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        turn(task, "sending");
        const outcome = await send(task, { signal, onProgress: (share) => turn(task, "sending", { share }) });
        if (outcome.status === "failed") throw Object.assign(new Error(outcome.error.detail), outcome.error);
        return turn(task, outcome.status, { outcome, share: 1 });
      } catch (error) {
        if (signal.aborted || isAbort(error)) return cancelled(task);
        if (FOR_ALL.includes(error.code)) return stop(task, error);
        if (!isPassing(error) || tries === MOST_TRIES) return turn(task, "failed", { detail: error.message });
        if (!(await pause(task, waitOf(error, tries), signal))) return cancelled(task);
      }
    }
  }

  function cancelled(task) {
    if (task.state !== "waiting") turn(task, "cancelled");
  }

  function stop(task, problem) {
    turn(task, "waiting", { share: 0 });
    waiting.unshift(task);
    if (isStopped) return;
    isStopped = true;
    onStop(problem);
  }

  function turn(task, state, more = {}) {
    Object.assign(task, { state, detail: "", ...more });
    onChange(task);
  }

  /** Whether the wait came to its end. */
  async function pause(task, seconds, signal) {
    for (let left = seconds; left > 0 && !signal.aborted; left -= 1) {
      turn(task, "again", { share: 0, detail: `The server is busy; again in ${left} s` });
      await moment(signal);
    }
    return !signal.aborted;
  }

  return {
    add,
    goOn() {
      isStopped = false;
      pump();
    },
    cancel(task) {
      const at = waiting.indexOf(task);
      if (at !== -1) waiting.splice(at, 1);
      running.get(task)?.abort();
      if (at !== -1) turn(task, "cancelled");
    },
    cancelAll() {
      for (const task of waiting.splice(0)) turn(task, "cancelled");
      for (const ending of running.values()) ending.abort();
      isStopped = false;
    },
    isBusy: () => waiting.length + running.size > 0,
  };
}

/** Of what may be over soon: the server says so, or it was not reached. */
function isPassing({ status }) {
  return status === 0 || status === 429 || status === 503;
}

function waitOf({ retryAfter }, tries) {
  return Math.max(1, Math.ceil(retryAfter ?? Math.min(LONGEST_WAIT_S, 2 ** (tries - 1))));
}

function moment(signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SECOND_MS);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
