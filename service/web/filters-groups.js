/** The groups of the panel: what each is called, what it lets one choose, and what of a choice is its own. */

import { element } from "./elements.js";
import { dates } from "./filters-dates.js";
import { folders } from "./filters-folders.js";
import { sizes, values } from "./filters-values.js";

/**
 * @param {(part: Partial<import("./filters-choice.js").Choice>) => void} choose
 * @returns {{section: HTMLElement, refresh: Function, chosenOf: Function, own: object}[]}  own: the part of a
 *   choice that does not count for the group's own numbers
 */
export function groupsOf(choose) {
  const camera = values({ label: "Camera", field: "camera" }, (cameras) => choose({ cameras }));
  const tag = values({ label: "Tags", field: "tags" }, (tags) => choose({ tags }));
  return [
    group("Taken", "filters-wide", dates((chosen) => choose({ dates: chosen })), (choice) => choice.dates, { dates: null }),
    group("Folders", "", folders((chosen) => choose({ folders: chosen })), (choice) => choice.folders, { folders: [] }),
    group("Camera", "", camera, ({ cameras }) => cameras, { cameras: [] }),
    // pictures have several tags, of which all that are chosen must be there
    group("Tags", "", tag, ({ tags }) => tags, {}),
    group("Size", "", sizes((chosen) => choose({ sizes: chosen })), (choice) => choice.sizes, { sizes: [] }),
  ];
}

function group(title, shape, part, chosenOf, own) {
  const section = element("div", { class: `filters-group ${shape}`, role: "group", "aria-label": title, hidden: true },
    element("h2", {}, title), part.root);
  return { section, refresh: part.refresh, chosenOf, own };
}
