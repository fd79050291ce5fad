/**
 * Justified rows: each as wide as the page and about as high as asked, every picture in its own proportions.
 *
 * rowsOf(ratios, {width, gap, target, isWhole}) -> rows of {from, to, height}: pictures from..to-1 of
 * `ratios` (width by height), in px. Without `isWhole` the pictures of a last row that is not full yet
 * are left for later, so that what is seen never moves when more come.
 */

const NARROWEST = 0.4;
const WIDEST = 3.2; // beyond these a picture is cut a little, or its row could not be seen

/** The proportions that a picture is shown in. */
export const shownRatio = ({ width, height }) => Math.min(WIDEST, Math.max(NARROWEST, width / height || 1));

/** @returns {{from: number, to: number, height: number}[]} */
export function rowsOf(ratios, { width, gap, target, isWhole }) {
  const rows = [];
  const heightOf = (from, to, sum) => (width - gap * (to - from - 1)) / sum;
  let from = 0;
  let sum = 0;
  for (let i = 0; i < ratios.length; i++) {
    const before = i > from ? heightOf(from, i, sum) : Infinity;
    sum += ratios[i];
    const height = heightOf(from, i + 1, sum);
    if (height > target) continue;
    // full: with this picture the row is a little low, without it a little high
    if (before - target < target - height) {
      rows.push({ from, to: i, height: before });
      from = i;
      sum = ratios[i];
      if (heightOf(from, i + 1, sum) > target) continue;
      rows.push({ from, to: i + 1, height: heightOf(from, i + 1, sum) });
    } else {
      rows.push({ from, to: i + 1, height });
    }
    from = i + 1;
    sum = 0;
  }
  if (isWhole && from < ratios.length) {
    rows.push({ from, to: ratios.length, height: Math.min(target, heightOf(from, ratios.length, sum)) });
  }
  return rows;
}

/** The first of the rows (with `top` and `height`, in order) that ends below a line; rows.length if none. */
export function rowAt(rows, line) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height > line) high = middle;
    else low = middle + 1;
  }
  return low;
}
