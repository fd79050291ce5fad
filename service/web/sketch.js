/**
 * A sheet to draw on, and to search with.
 *
 * openSketch() -> Promise<File | null>: a dialog; the drawing as a PNG file of SIDE pixels square on its
 * paper, or null where it was given up. Pointer, pen (its pressure makes the line wider) and touch; by keyboard
 * the arrows move a cursor over the sheet and the space bar puts the pen down and lifts it.
 */

import { announce, button, element, icon } from "./elements.js";
import { SIDE, makeSheet } from "./sketch-sheet.js";

const COLOURS = [
  ["Black", "#1c1b1a"], ["Grey", "#8b8882"], ["White", "#ffffff"], ["Brown", "#7a4a24"], ["Red", "#d0342c"],
  ["Orange", "#ee8a2b"], ["Yellow", "#f4cf3a"], ["Green", "#3d8b40"], ["Light blue", "#74bde8"], ["Blue", "#2459b3"],
  ["Violet", "#7b4aa8"], ["Pink", "#ec9bb4"],
];
const SIZES = [["Fine", 5], ["Medium", 14], ["Broad", 34], ["Very broad", 80]];
const UNDO = "M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-4";
const REDO = "M16 5l4 4-4 4M20 9H10a5.5 5.5 0 0 0 0 11h4";
const ERASER = "M9 20l-5-5L14.5 4.5l6 6L11 20zM9.5 9.5l6 6M8 20h12";
const STEP = 12; // of the sheet's pixels, for one arrow key

/** @returns {Promise<File|null>} */
export function openSketch() {
  const state = { colour: COLOURS[0][1], width: SIZES[1][1], isErasing: false };
  const canvas = element("canvas", {
    class: "sketch-sheet", width: SIDE, height: SIDE, tabindex: 0, role: "application",
    "aria-label": "Drawing sheet. Arrows move, space puts the pen down and lifts it.",
  });
  const cursor = element("span", { class: "sketch-cursor", "aria-hidden": "true", hidden: true });
  const sheet = makeSheet(canvas, show);
  const tools = toolbar(state, sheet, canvas);
  const done = button({ class: "sketch-done", disabled: true }, "Search with it");
  const leave = button({ class: "sketch-leave" }, "Cancel");
  const dialog = element("dialog", { class: "sketch", "aria-label": "Draw what you look for" },
    element("div", { class: "sketch-head" }, element("h2", {}, "Draw it"), leave, done),
    element("div", { class: "sketch-body" }, element("div", { class: "sketch-frame" }, canvas, cursor), tools.root));

  function show() {
    done.disabled = sheet.isBlank();
    tools.show();
  }

  const pen = () => ({ colour: state.isErasing ? null : state.colour, width: state.width });
  drawByPointer(canvas, sheet, pen, () => (cursor.hidden = true));
  drawByKeys(canvas, cursor, sheet, pen);
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page's own keys are not for a drawing
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (event.shiftKey) sheet.redo();
    else sheet.undo();
  });
  document.body.append(dialog);
  dialog.showModal();
  canvas.focus({ preventScroll: true });
  show();
  return new Promise((resolve) => {
    const end = (file) => {
      resolve(file);
      dialog.close();
      dialog.remove();
    };
    leave.addEventListener("click", () => end(null));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    });
    done.addEventListener("click", async () => end(await sheet.file()));
  });
}

function toolbar(state, sheet, canvas) {
  const pick = (name, value, [label, given], content) => {
    const input = element("input", { type: "radio", name: `sketch-${name}`, value: given, "aria-label": label, onchange: () => value(given) });
    input.checked = given === state[name];
    const choice = element("label", { class: `sketch-${name}`, title: label }, input, content);
    return choice;
  };
  const colours = COLOURS.map((each) => {
    const dot = element("span");
    dot.style.setProperty("--colour", each[1]);
    return pick("colour", (colour) => Object.assign(state, { colour, isErasing: false }) && show(), each, dot);
  });
  const sizes = SIZES.map((each) => {
    const dot = element("span");
    dot.style.setProperty("--width", `${Math.max(4, Math.round(Math.sqrt(each[1]) * 2.7))}px`);
    return pick("width", (width) => (state.width = width), each, dot);
  });
  const eraser = tool("Eraser", ERASER, () => {
    state.isErasing = !state.isErasing;
    show();
  });
  const undo = tool("Undo", UNDO, () => sheet.undo());
  const redo = tool("Redo", REDO, () => sheet.redo());
  const paper = button({ class: "sketch-tool", onclick: () => sheet.paper(state.colour), title: "Fill the sheet with the colour" }, "Fill");
  const clear = button({ class: "sketch-tool", onclick: () => sheet.clear() }, "Clear");

  function show() {
    eraser.setAttribute("aria-pressed", String(state.isErasing));
    canvas.classList.toggle("sketch-erasing", state.isErasing);
    for (const [each, isPossible] of [[undo, sheet.canUndo()], [redo, sheet.canRedo()], [clear, !sheet.isBlank()]]) {
      if (!isPossible && document.activeElement === each) canvas.focus();
      each.disabled = !isPossible;
    }
  }

  const root = element("div", { class: "sketch-tools" },
    element("fieldset", { class: "sketch-colours" }, element("legend", {}, "Colour"), ...colours),
    element("fieldset", { class: "sketch-widths" }, element("legend", {}, "Brush"), ...sizes),
    element("div", { class: "sketch-row" }, eraser, undo, redo, paper, clear));
  return { root, show };
}

function tool(label, drawing, onclick) {
  return button({ class: "sketch-tool", "aria-label": label, title: label, onclick }, icon(drawing));
}

function drawByPointer(canvas, sheet, pen, onStart) {
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

function drawByKeys(canvas, cursor, sheet, pen) {
  const at = { x: SIDE / 2, y: SIDE / 2, pressure: 1 };
  let isDown = false;

  function lift() {
    if (!isDown) return;
    isDown = false;
    sheet.end();
    cursor.classList.remove("sketch-down");
  }

  canvas.addEventListener("blur", () => {
    lift();
    cursor.hidden = true;
  });
  canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key !== " " && !dx && !dy) return;
    event.preventDefault();
    cursor.hidden = false;
    const step = event.shiftKey ? 4 * STEP : STEP;
    at.x = Math.min(SIDE, Math.max(0, at.x + dx * step));
    at.y = Math.min(SIDE, Math.max(0, at.y + dy * step));
    cursor.style.setProperty("--x", String(at.x / SIDE));
    cursor.style.setProperty("--y", String(at.y / SIDE));
    if (event.key !== " ") return isDown ? sheet.extend([{ ...at }]) : undefined;
    if (isDown) lift();
    else {
      isDown = true;
      sheet.begin(pen(), { ...at });
      cursor.classList.add("sketch-down");
    }
    announce(isDown ? "Pen down" : "Pen up");
  });
}
