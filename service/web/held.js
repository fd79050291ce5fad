/** Pictures of this device at their full size, while the page is open, by the handle that the server gave. */

const MOST = 8;
const held = new Map(); // handle -> address of the blob

export function hold(handle, file) {
  held.set(handle, URL.createObjectURL(file));
  if (held.size <= MOST) return;
  const [oldest, address] = held.entries().next().value;
  URL.revokeObjectURL(address);
  held.delete(oldest);
}

/** The address of the picture as large as there is one. @param {import("./query.js").Picture} picture */
export function wholeOf(picture) {
  return picture.id ? `/v1/images/${picture.id}/file` : held.get(picture.handle) ?? picture.url;
}
