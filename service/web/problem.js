/** What the service refuses, as one kind of error. */

const OFFLINE = "The server cannot be reached.";

/**
 * status: the answer's, 0 where there is none; code: stable, for programs ("offline" where nothing
 * answered); detail: one plain sentence; retryAfter: seconds to wait, or null.
 */
export class Problem extends Error {
  constructor({ status, code, detail, retryAfter = null, content = null }) {
    super(detail);
    Object.assign(this, { name: "Problem", status, code, detail, retryAfter, content });
  }
}

/** Nothing answered. */
export const unreachable = () => new Problem({ status: 0, code: "offline", detail: OFFLINE });

/** The problem that an answer tells of. `content` is its whole JSON, or null. */
export function problemOf({ status, retryAfter, content }) {
  const seconds = Number.parseFloat(retryAfter ?? "");
  return new Problem({
    status,
    code: content?.code ?? "unknown",
    detail: sentence(content?.detail ?? `The server answered ${status}.`),
    retryAfter: Number.isFinite(seconds) ? seconds : null,
    content,
  });
}

/** What went wrong, as a reader is told it; a fault of the page itself is thrown again. */
export function isAbort(error) {
  return error?.name === "AbortError";
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
