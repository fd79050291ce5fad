/** Pictures from outside: dropped anywhere, pasted, chosen, photographed; or dragged from the page itself. */

import { isToAdd, listed } from "./adding-files.js";

const PICTURE_NAME = /\.(hei[cf]|avif)$/i; // browsers do not know the type of all of these
const OWN_ID = /(?:open=|\/v1\/images\/)([0-9a-f]{32})/;

/**
 * Listens for pictures; `onFile(file)` is a picture of this device, `onId(id)` one of the collection,
 * `onMany(entries)` a folder or several files, which are to be added rather than searched by, `onNone()`
 * something dropped that is no picture.
 */
export function takePictures({ onFile, onId, onMany, onNone }) {
  const veil = document.getElementById("drop");
  for (const input of [document.getElementById("file"), document.getElementById("shot")]) {
    input.addEventListener("change", () => {
      const [file] = input.files;
      input.value = ""; // so that the same file can be chosen again
      if (file) onFile(file);
    });
  }
  addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file || isModal(event.target)) return;
    event.preventDefault();
    onFile(file);
  });
  addEventListener("dragover", (event) => {
    if (isModal(event.target)) return;
    event.preventDefault();
    veil.hidden = !event.dataTransfer?.types.includes("Files");
  });
  addEventListener("dragleave", (event) => {
    // only leaving the window has no element that is entered
    if (!event.relatedTarget) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (event.defaultPrevented || isModal(event.target)) return;
    event.preventDefault();
    if (isToAdd(event.dataTransfer)) return onMany(listed(event.dataTransfer));
    const file = pictureIn(event.dataTransfer);
    const [, id] = OWN_ID.exec(event.dataTransfer?.getData("text/uri-list") ?? "") ?? [];
    // browsers tell of a picture of the page as of a file, too
    if (id) onId(id);
    else if (file) onFile(file);
    else onNone();
    return undefined;
  });
}

/** The first picture among what was dropped or pasted, if there is one. */
function pictureIn(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/") || PICTURE_NAME.test(file.name));
}

/** A dialog that is open takes what is dropped on it itself, or nothing does. */
const isModal = (target) => Boolean(target.closest?.("dialog[open]"));
