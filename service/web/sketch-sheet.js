/**
 * What is drawn, as a list of strokes that can be taken back, on a canvas of SIDE pixels square.
 *
 * makeSheet(canvas, onChange): a stroke's colour is null where it erases, down to the paper; its points are
 * {x, y, pressure} in the sheet's pixels, width in pixels at a pressure of 1.
 */

export const SIDE = 768;
const PAPER = "#ffffff";

export function makeSheet(canvas, onChange) {
  const context = canvas.getContext("2d", { willReadFrequently: false });
  let acts = []; // strokes, and papers: {paper}; a clear sheet is one of them
  let undone = [];
  let current = null;

  const paperNow = () => acts.findLast((act) => act.paper)?.paper ?? PAPER;

  function add(act) {
    acts.push(act);
    undone = [];
  }

  function draw() {
    fill(context, PAPER);
    const last = acts.findLastIndex((act) => act.isClear);
    const paper = paperNow();
    if (paper !== PAPER) fill(context, paper);
    for (const act of acts.slice(last + 1)) if (act.points) stroke(context, act, 0, paper);
  }

  function changed() {
    draw();
    onChange();
  }

  draw();
  return {
    begin(pen, point) {
      current = { ...pen, points: [point] };
      add(current);
      stroke(context, current, 0, paperNow());
    },
    extend(points) {
      if (!current) return;
      const from = current.points.length - 1;
      current.points.push(...points);
      stroke(context, current, from, paperNow());
    },
    end() {
      current = null;
      onChange();
    },
    /** Fills what is behind the strokes. */
    paper(colour) {
      add({ paper: colour });
      changed();
    },
    clear() {
      add({ paper: PAPER, isClear: true });
      changed();
    },
    undo() {
      if (current || acts.length === 0) return;
      undone.push(acts.pop());
      changed();
    },
    redo() {
      if (current || undone.length === 0) return;
      acts.push(undone.pop());
      changed();
    },
    canUndo: () => acts.length > 0,
    canRedo: () => undone.length > 0,
    isBlank: () => acts.length === 0 || Boolean(acts.at(-1).isClear),
    async file() {
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      return new File([blob], "sketch.png", { type: "image/png" });
    },
  };
}

function fill(context, colour) {
  context.fillStyle = colour;
  context.fillRect(0, 0, SIDE, SIDE);
}

/** From the point of that number on, curved through the middles between points. */
function stroke(context, { colour, width, points }, from, paper) {
  context.strokeStyle = context.fillStyle = colour ?? paper;
  context.lineCap = context.lineJoin = "round";
  if (points.length === 1) {
    context.beginPath();
    context.arc(points[0].x, points[0].y, (width * points[0].pressure) / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  for (let i = Math.max(1, from); i < points.length; i++) {
    const [before, at, next] = [points[i - 1], points[i], points[i + 1]];
    const begin = i > 1 ? middle(before, points[i - 2]) : before;
    const end = next ? middle(before, at) : at;
    context.lineWidth = width * at.pressure;
    context.beginPath();
    context.moveTo(begin.x, begin.y);
    context.quadraticCurveTo(before.x, before.y, end.x, end.y);
    context.stroke();
  }
}

function middle(one, other) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
