/** Hands on the address, which holds all that was asked. */

import { announce } from "./elements.js";

const SHOWN_MS = 1800;

/** To another app where the device has a way for it, else to the clipboard. */
export async function share(address) {
  const isPhone = matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ url: address });
  if (isPhone) return navigator.share({ title: document.title, url: address }).catch(() => {});
  await copy(address);
  const label = document.querySelector("#share span");
  label.textContent = "Link copied";
  announce("Link copied");
  setTimeout(() => (label.textContent = "Share"), SHOWN_MS);
}

/** Pages of servers without TLS have no clipboard of their own. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const held = document.createElement("textarea");
  held.value = text;
  document.body.append(held);
  held.select();
  document.execCommand("copy");
  held.remove();
}
