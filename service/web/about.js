/** What is known of a picture, in words. */

import { element } from "./elements.js";
import { nameOf } from "./tile.js";

const UNITS = ["bytes", "kB", "MB", "GB"];
const KNOWN = new Set(["caption", "camera", "taken_at", "latitude", "longitude"]); // told elsewhere already

/** @param {object} item  as GET /v1/images/{id} tells it @returns {HTMLElement} */
export function about(item) {
  const facts = [
    ["Taken", dateOf(item.taken_at)],
    ["Camera", item.camera],
    ["Place", placeOf(item)],
    ["Size", `${item.width} × ${item.height}, ${item.format}, ${sizeOf(item.bytes)}`],
    [item.paths.length > 1 ? "Files" : "File", pathsOf(item)],
    ...Object.entries(item.metadata).filter(([name]) => !KNOWN.has(name)).map(([name, value]) => [worded(name), valueOf(value)]),
    ["Id", element("code", {}, item.id)],
  ];
  const rows = facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  return element("div", { class: "about" }, element("h2", { id: "detail-name", dir: "auto" }, nameOf(item)), element("dl", {}, ...rows));
}

/** As the camera's clock had it, without a turn to this device's zone. */
function dateOf(text) {
  const [, year, month, day, time = ""] = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d))?/.exec(text ?? "") ?? [];
  if (!year) return text;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const said = date.toLocaleDateString(undefined, { dateStyle: "long", timeZone: "UTC" });
  return time ? `${said}, ${time}` : said;
}

function placeOf({ latitude, longitude }) {
  if (latitude === null || longitude === null) return null;
  const north = `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
}

function sizeOf(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}

function pathsOf({ occurrences }) {
  const paths = occurrences.map(({ source, path }) => element("li", { dir: "auto" }, path, " ", element("small", {}, source)));
  return element("ul", {}, ...paths);
}

const worded = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

function valueOf(value) {
  if (Array.isArray(value)) return value.join(", ");
  return value === null || value === "" ? null : String(value);
}
