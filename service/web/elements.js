/** Elements made in code: what a collection says is only ever set as text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * element("button", { class: "x", type: "button", onclick: f }, "Text", child, null)
 * @param {string} name
 * @param {Record<string, any>} [given]  attributes; on… are listeners, false and null are left out
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElement}
 */
export function element(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** @param {Parameters<typeof element>[1]} given */
export function button(given, ...children) {
  return element("button", { type: "button", ...given }, ...children);
}

/** A line drawing on a square of 24, for the eye alone; several paths may be given. */
export function icon(...paths) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  for (const path of paths) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    drawing.append(line);
  }
  return drawing;
}

/** "1 picture", "12,345 pictures" */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export function prefersLessMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

let announcer = null;

/** Tells a screen reader something that is also to be seen. */
export function announce(text) {
  if (!announcer) {
    announcer = element("div", { role: "status" });
    Object.assign(announcer.style, {
      position: "absolute", inlineSize: "1px", blockSize: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap",
    });
  }
  // what lies behind an open dialog is not read out
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (announcer.parentNode !== place) place.append(announcer);
  // a region is only listened to once it is there
  setTimeout(() => (announcer.textContent = text), 50);
}
