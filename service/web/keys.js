/** Keys that work all over the page, and the list of all keys. */

import { button, element } from "./elements.js";

const KEYS = [
  ["/", "to the query"],
  ["↓", "from the query to the pictures"],
  ["← → ↑ ↓", "from picture to picture"],
  ["Home End", "to the ends of a row; with Ctrl, of all"],
  ["Enter", "open the picture"],
  ["m", "more like this"],
  ["b", "more like this, but …"],
  ["x", "not this"],
  ["Ctrl Z", "one step back"],
  ["Esc", "close, or back to the query"],
  ["?", "this list"],
];

/** @param {{find(): void, undo(): void}} on */
export function listenForKeys({ find, undo }) {
  const deeds = { "/": find, "?": showKeys, "Ctrl+z": undo };
  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey, defaultPrevented } = event;
    const isWriting = target.matches?.("input:not([type=checkbox], [type=file]), textarea, select, [contenteditable]");
    if (defaultPrevented || altKey || isWriting || document.querySelector("dialog[open]")) return;
    const deed = deeds[ctrlKey || metaKey ? `Ctrl+${key}` : key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });
}

export function showKeys() {
  const dialog = document.getElementById("keys");
  const rows = KEYS.flatMap(([keys, deed]) => [
    element("dt", {}, ...keys.split(" ").map((key) => element("kbd", {}, key))), element("dd", {}, deed),
  ]);
  const close = button({ class: "quiet wide", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(element("h2", { id: "keys-title" }, "Keys"), element("dl", {}, ...rows), close);
  dialog.showModal();
}
