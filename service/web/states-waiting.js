/** Waiting for a server: a countdown to its Retry-After, and asking now and then whether it answers. */

import { element } from "./elements.js";

const MOST_WAIT_S = 20;
const SECOND_MS = 1000;

/**
 * Whole seconds, counted down; onEnd() once they are over, unless `signal` says that nobody waits any more.
 * @returns {HTMLElement}
 */
export function countdown(seconds, { signal, onEnd }) {
  const number = element("span", { class: "state-seconds" }, String(seconds));
  const ring = element("div", { class: "state-countdown", role: "timer", "aria-label": "Seconds until the next try" }, number);
  const end = performance.now() + seconds * SECOND_MS;
  ring.style.setProperty("--left", "1");
  const timer = setInterval(() => {
    const left = Math.max(0, end - performance.now());
    number.textContent = String(Math.ceil(left / SECOND_MS));
    ring.style.setProperty("--left", (left / (seconds * SECOND_MS)).toFixed(3));
    if (left > 0) return;
    clearInterval(timer);
    onEnd?.();
  }, 100);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return ring;
}

/** Asks at longer and longer intervals, and at once when the browser is online again; then onAnswer(). */
export function untilAnswer(address, { signal, onAnswer, firstWait_s = 2 }) {
  let wait_s = firstWait_s;
  let timer = setTimeout(ask, wait_s * SECOND_MS);

  async function ask() {
    clearTimeout(timer);
    if (await answers(address, signal)) return signal.aborted ? undefined : onAnswer?.();
    wait_s = Math.min(MOST_WAIT_S, wait_s * 1.6);
    if (!signal.aborted) timer = setTimeout(ask, wait_s * SECOND_MS);
    return undefined;
  }

  addEventListener("online", ask, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

async function answers(address, signal) {
  try {
    return (await fetch(address, { signal, cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
