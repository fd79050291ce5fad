// What is asked: a text, a picture, or both; kept in the address as #text=...&image=ID.
// A picture is {id, url} of the collection or {file, url} from this device.

const ID = /^[0-9a-f]{32}$/;

export function isEmpty({ text, picture }) {
  return !text && !picture;
}

export function storedPicture(id) {
  return { id, url: `/v1/images/${id}/thumbnail` };
}

export function filePicture(file) {
  return { file, url: URL.createObjectURL(file) };
}

export function letGo(picture) {
  if (picture?.file) URL.revokeObjectURL(picture.url);
}

/** A query by a file of this device has no address: it cannot be linked to. */
export function addressOf({ text, picture }) {
  if (picture?.file) return "#";
  const parts = new URLSearchParams();
  if (text) parts.set("text", text);
  if (picture?.id) parts.set("image", picture.id);
  return `#${parts}`;
}

export function queryAt(hash) {
  const parts = new URLSearchParams(hash.slice(1));
  const id = parts.get("image") ?? "";
  return { text: parts.get("text") ?? "", picture: ID.test(id) ? storedPicture(id) : null };
}

/** The first picture among what was dropped or pasted, if there is one. */
export function pictureFileOf(transfer) {
  const isPicture = (file) => file.type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(file.name);
  return [...(transfer?.files ?? [])].find(isPicture);
}
