/** The dialog in which a part of the query's own picture is chosen. */

import { CropBox } from "./crop.js";
import { button, element } from "./elements.js";
import { wholeOf } from "./held.js";
import { thumbnailOf } from "./query.js";

/**
 * Resolves to the box, to "whole" for all of the picture, or to null where nothing was chosen.
 * @param {import("./query.js").Query} query  with a picture
 */
export function choosePart({ picture, crop }) {
  const dialog = document.getElementById("part");
  const image = element("img", { src: wholeOf(picture), alt: "The picture that is searched by", draggable: "false" });
  image.addEventListener("error", () => (image.src = thumbnailOf(picture)), { once: true });
  const frame = element("div", { class: "frame", "data-cropping": true }, image);
  const box = new CropBox(frame, { onChange: () => {} });
  return new Promise((resolve) => {
    const leave = (answer) => {
      resolve(answer);
      dialog.close();
    };
    dialog.replaceChildren(
      element("h2", { id: "part-title" }, "Which part do you mean?"),
      element("p", {}, "Drag a box around it, or move this one with the arrow keys."),
      element("div", { class: "frame-place" }, frame),
      element(
        "div", { class: "answers" },
        button({ class: "go", onclick: () => leave(box.box) }, "Search with this part"),
        button({ class: "quiet", onclick: () => leave("whole") }, "The whole picture"),
        button({ class: "quiet", onclick: () => leave(null) }, "Cancel"),
      ),
    );
    dialog.onclose = () => resolve(null);
    dialog.onkeydown = (event) => {
      if (event.key !== "Enter" || !event.target.matches(".crop")) return;
      event.preventDefault();
      leave(box.box);
    };
    dialog.showModal();
    box.begin(crop ?? undefined);
  });
}
