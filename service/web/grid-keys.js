/** Where a key leads in rows of pictures of different widths. */

/**
 * @param {KeyboardEvent} event
 * @param {{rows: {from: number, to: number, height: number}[], active: number, ratios: number[]}} grid
 * @returns {number | null} the picture's place; null where the key leads nowhere
 */
export function moveOf(event, grid) {
  const { rows, active } = grid;
  const row = rowOf(rows, active);
  if (row < 0) return null;
  const last = rows.at(-1).to - 1;
  const isTurned = getComputedStyle(event.currentTarget).direction === "rtl";
  const step = { ArrowRight: isTurned ? -1 : 1, ArrowLeft: isTurned ? 1 : -1 }[event.key];
  if (step && !event.ctrlKey) return Math.min(last, Math.max(0, active + step));
  const page = Math.max(1, Math.floor(innerHeight / (rows[row].height * 1.2)));
  const lines = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
  if (lines && !event.ctrlKey) return across(grid, Math.min(rows.length - 1, Math.max(0, row + lines)));
  if (event.key === "Home") return event.ctrlKey ? 0 : rows[row].from;
  if (event.key === "End") return event.ctrlKey ? last : rows[row].to - 1;
  return null;
}

/** The picture of another row that is below or above the middle of this one. */
function across({ rows, active, ratios }, to) {
  const from = rows[rowOf(rows, active)];
  if (rows[to] === from) return active;
  const middle = middles(from, ratios)[active - from.from];
  const distances = middles(rows[to], ratios).map((each) => Math.abs(each - middle));
  return rows[to].from + distances.indexOf(Math.min(...distances));
}

const rowOf = (rows, index) => rows.findIndex(({ from, to }) => from <= index && index < to);

function middles({ from, to, height }, ratios) {
  let left = 0;
  return ratios.slice(from, to).map((ratio) => {
    left += ratio * height;
    return left - (ratio * height) / 2;
  });
}
