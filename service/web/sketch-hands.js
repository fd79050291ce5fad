/** What draws on the sheet: a pointer, or the arrow keys with the space bar for the pen. */

import { announce } from "./elements.js";
import { SIDE } from "./sketch-sheet.js";

const STEP = 12; // of the sheet's pixels, for one arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {() => {colour: string|null, width: number}} pen */
export function drawByPointer(canvas, sheet, pen, onStart) {
  let drawing = null; // the id of the one pointer that draws

  const place = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" ? 0.35 + event.pressure * 1.3 : 1;
    return { x: ((event.clientX - left) / width) * SIDE, y: ((event.clientY - top) / height) * SIDE, pressure };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    onStart();
    sheet.begin(pen(), place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    sheet.extend((events.length ? events : [event]).map(place));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      sheet.end();
    });
  }
}

export function drawByKeys(canvas, cursor, sheet, pen) {
  const at = { x: SIDE / 2, y: SIDE / 2, pressure: 1 };
  let isDown = false;

  function lift() {
    if (!isDown) return;
    isDown = false;
    sheet.end();
    cursor.classList.remove("sketch-down");
  }

  function turn() {
    if (isDown) lift();
    else {
      isDown = true;
      sheet.begin(pen(), { ...at });
      cursor.classList.add("sketch-down");
    }
    announce(isDown ? "Pen down" : "Pen up");
  }

  function move([dx, dy], step) {
    at.x = Math.min(SIDE, Math.max(0, at.x + dx * step));
    at.y = Math.min(SIDE, Math.max(0, at.y + dy * step));
    if (isDown) sheet.extend([{ ...at }]);
  }

  canvas.addEventListener("blur", () => {
    lift();
    cursor.hidden = true;
  });
  canvas.addEventListener("keydown", (event) => {
    const isSpace = event.key === " ";
    if (!isSpace && !MOVES[event.key]) return;
    event.preventDefault();
    if (isSpace) turn();
    else move(MOVES[event.key], event.shiftKey ? 4 * STEP : STEP);
    cursor.hidden = false;
    cursor.style.setProperty("--x", String(at.x / SIDE));
    cursor.style.setProperty("--y", String(at.y / SIDE));
  });
}
