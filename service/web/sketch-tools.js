/** Pens and what else one draws with; `pen` is what is in the hand: {colour, width}, a colour of null erases. */

import { button, element, icon } from "./elements.js";

const COLOURS = [
  ["Black", "#1c1b1a"], ["Grey", "#8b8882"], ["White", "#ffffff"], ["Brown", "#7a4a24"], ["Red", "#d0342c"],
  ["Orange", "#ee8a2b"], ["Yellow", "#f4cf3a"], ["Green", "#3d8b40"], ["Light blue", "#74bde8"], ["Blue", "#2459b3"],
  ["Violet", "#7b4aa8"], ["Pink", "#ec9bb4"],
];
const SIZES = [["Fine", 5], ["Medium", 14], ["Broad", 34], ["Very broad", 80]];
const UNDO = "M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-4";
const REDO = "M16 5l4 4-4 4M20 9H10a5.5 5.5 0 0 0 0 11h4";
const ERASER = "M9 20l-5-5L14.5 4.5l6 6L11 20zM9.5 9.5l6 6M8 20h12";

export class Tools {
  #sheet;
  #canvas;
  #colour = COLOURS[0][1];
  #width = SIZES[1][1];
  #isErasing = false;
  #eraser = tool("Eraser", ERASER, () => this.#erase(!this.#isErasing));
  #undo = tool("Undo", UNDO, () => this.#sheet.undo());
  #redo = tool("Redo", REDO, () => this.#sheet.redo());
  #clear = button({ class: "sketch-tool", onclick: () => this.#sheet.clear() }, "Clear");

  constructor(sheet, canvas) {
    this.#sheet = sheet;
    this.#canvas = canvas;
    const fill = button({ class: "sketch-tool", onclick: () => sheet.paper(this.#colour), title: "Fill the sheet with the colour" }, "Fill");
    this.root = element("div", { class: "sketch-tools" },
      choices("Colour", COLOURS.map((each) => this.#colourOf(each))),
      choices("Brush", SIZES.map((each) => this.#sizeOf(each))),
      element("div", { class: "sketch-row" }, this.#eraser, this.#undo, this.#redo, fill, this.#clear));
  }

  get pen() {
    return { colour: this.#isErasing ? null : this.#colour, width: this.#width };
  }

  /** Which of the tools can be used now. */
  show() {
    const possible = [[this.#undo, this.#sheet.canUndo()], [this.#redo, this.#sheet.canRedo()], [this.#clear, !this.#sheet.isBlank()]];
    for (const [each, isPossible] of possible) {
      if (!isPossible && document.activeElement === each) this.#canvas.focus();
      each.disabled = !isPossible;
    }
  }

  #erase(isErasing) {
    this.#isErasing = isErasing;
    this.#eraser.setAttribute("aria-pressed", String(isErasing));
    this.#canvas.classList.toggle("sketch-erasing", isErasing);
  }

  #colourOf([label, colour]) {
    const choose = () => {
      this.#colour = colour;
      this.#erase(false);
    };
    return choice("colour", label, ["--colour", colour], { isOn: colour === this.#colour, choose });
  }

  #sizeOf([label, width]) {
    const dot = `${Math.max(4, Math.round(Math.sqrt(width) * 2.7))}px`; // what fits into a button
    return choice("width", label, ["--width", dot], { isOn: width === this.#width, choose: () => (this.#width = width) });
  }
}

function choices(title, labels) {
  return element("fieldset", { class: "sketch-choices" }, element("legend", {}, title), ...labels);
}

function choice(name, label, [property, value], { isOn, choose }) {
  const input = element("input", { type: "radio", name: `sketch-${name}`, "aria-label": label, onchange: choose });
  const dot = element("span");
  input.checked = isOn;
  dot.style.setProperty(property, value);
  return element("label", { class: `sketch-${name}`, title: label }, input, dot);
}

function tool(label, drawing, onclick) {
  return button({ class: "sketch-tool", "aria-label": label, title: label, onclick }, icon(drawing));
}
