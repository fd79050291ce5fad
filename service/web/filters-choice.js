/**
 * What is chosen among the filters, and the REST API's filter that says the same.
 *
 * filterOf(choiceOf(filter)) finds the same pictures as filter; what has no control is kept in `other`.
 */
/**
 * @typedef {{from: string, to: string}} Dates  two periods, "2023" or "2023-05", both included
 * @typedef {object} Choice
 * @property {Dates|null} dates
 * @property {string[]} folders  prefixes of paths, with their last slash; any of them
 * @property {(string|number)[]} cameras  any of them
 * @property {(string|number)[]} tags  all of them
 * @property {string[]} sizes  names of SIZES; any of them
 * @property {object[]} other  filters that must hold as well
 */

/** @type {Choice} */
export const NOTHING = Object.freeze({
  dates: null, folders: [], cameras: [], tags: [], sizes: [], other: [],
});

const atLeast = (side) => ({
  or: [{ field: "width", gte: side }, { field: "height", gte: side }],
});
const below = (side) => [{ field: "width", lt: side }, { field: "height", lt: side }];

/** By the longer side, in pixels. */
export const SIZES = [
  { name: "small", label: "Small", hint: "under 640 px", filter: { and: below(640) } },
  { name: "medium", label: "Medium", hint: "640 to 1,599 px", filter: { and: [atLeast(640), ...below(1600)] } },
  { name: "large", label: "Large", hint: "1,600 to 3,999 px", filter: { and: [atLeast(1600), ...below(4000)] } },
  { name: "huge", label: "Very large", hint: "4,000 px and more", filter: atLeast(4000) },
];

/** @param {Choice} choice @returns {object|null} */
export function filterOf(choice) {
  return joined([
    ...(choice.dates ? [{ field: "taken_at", gte: choice.dates.from, lte: choice.dates.to }] : []),
    ...anyOf(choice.folders.map((prefix) => ({ field: "path", prefix }))),
    ...valuesOf("camera", choice.cameras),
    ...anyOf(SIZES.filter(({ name }) => choice.sizes.includes(name)).map(({ filter }) => filter)),
    ...choice.tags.map((tag) => ({ field: "tags", eq: tag })),
    ...choice.other,
  ]);
}

/** @param {(object|null)[]} filters  which must all hold */
export function joined(filters) {
  const parts = filters.filter((part) => part !== null);
  if (parts.length === 0) return null;
  return parts.length === 1 ? parts[0] : { and: parts };
}

/** @param {object|null} filter @returns {Choice} */
export function choiceOf(filter) {
  if (!filter) return NOTHING;
  const whole = read([filter]);
  return whole.other.length && Array.isArray(filter.and) ? read(filter.and) : whole;
}

function read(parts) {
  const choice = { dates: null, folders: [], cameras: [], tags: [], sizes: [], other: [] };
  for (const part of parts) {
    const isRead = isObject(part) && READERS.some((reader) => reader(part, choice));
    if (!isRead) choice.other.push(part);
  }
  return choice;
}

// each takes one condition over, and says whether it did
const READERS = [
  function dates(part, choice) {
    const isDates = hasOnly(part, "taken_at", ["gte", "lte"])
      && [part.gte, part.lte].every((period) => /^\d{4}(-\d\d)?$/.test(period));
    if (choice.dates || !isDates) return false;
    choice.dates = { from: part.gte, to: part.lte };
    return true;
  },
  function folders(part, choice) {
    const found = alternatives(part);
    if (choice.folders.length || !found.every((each) => hasOnly(each, "path", ["prefix"]))) return false;
    choice.folders = found.map(({ prefix }) => String(prefix));
    return true;
  },
  function cameras(part, choice) {
    const one = hasOnly(part, "camera", ["eq"]);
    const several = hasOnly(part, "camera", ["in"]) && Array.isArray(part.in);
    if (choice.cameras.length || !(one || several)) return false;
    choice.cameras = one ? [part.eq] : [...part.in];
    return true;
  },
  function sizes(part, choice) {
    const single = sizeOf(part);
    const found = single ? [single] : alternatives(part).map(sizeOf);
    if (choice.sizes.length || found.includes(undefined)) return false;
    choice.sizes = found.map(({ name }) => name);
    return true;
  },
  function tags(part, choice) {
    if (!hasOnly(part, "tags", ["eq"])) return false;
    choice.tags.push(part.eq);
    return true;
  },
];

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** The parts of an "or", which are as many as there are. */
function alternatives(part) {
  return Array.isArray(part.or) && part.or.length > 0 ? part.or : [part];
}

function sizeOf(filter) {
  const given = JSON.stringify(filter);
  return SIZES.find((size) => JSON.stringify(size.filter) === given);
}

function hasOnly(part, field, operators) {
  return isObject(part) && part.field === field
    && Object.keys(part).length === operators.length + 1
    && operators.every((name) => name in part);
}

function anyOf(filters) {
  return filters.length > 1 ? [{ or: filters }] : filters;
}

function valuesOf(field, values) {
  if (values.length === 0) return [];
  return [values.length === 1 ? { field, eq: values[0] } : { field, in: values }];
}

const MONTH = new Intl.DateTimeFormat("en", { month: "long", timeZone: "UTC" });

/** "2023-05" -> "May 2023"; a year is itself. */
export function periodName(period) {
  const [year, month] = period.split("-");
  return month ? `${monthName(Number(month))} ${year}` : year;
}

export function monthName(month) {
  return MONTH.format(new Date(Date.UTC(2000, month - 1, 1)));
}

/** @param {Dates} dates */
export function datesName({ from, to }) {
  return from === to ? periodName(from) : `${periodName(from)} – ${periodName(to)}`;
}

/**
 * One chip for each thing that is chosen: what it says, and what is left without it.
 * @param {Choice} choice
 * @returns {{group: string, label: string, without: Choice}[]}
 */
export function chipsOf(choice) {
  const drop = (key, value) => ({ ...choice, [key]: choice[key].filter((each) => each !== value) });
  const size = (name) => SIZES.find((each) => each.name === name)?.label ?? name;
  const chips = (key, group, label = String) =>
    choice[key].map((value) => ({ group, label: label(value), without: drop(key, value) }));
  return [
    ...(choice.dates ? [{ group: "Taken", label: datesName(choice.dates), without: { ...choice, dates: null } }] : []),
    ...chips("folders", "Folder"),
    ...chips("cameras", "Camera"),
    ...chips("tags", "Tag"),
    ...chips("sizes", "Size", size),
    ...chips("other", "Also", inWords),
  ];
}

const OPERATORS = { eq: "is", gt: ">", gte: "≥", lt: "<", lte: "≤", prefix: "begins with" };

/** A filter that the panel has no control for. */
function inWords(filter) {
  if (!isObject(filter)) return JSON.stringify(filter);
  const { field, ...operators } = filter;
  for (const [name, word] of [["and", " and "], ["or", " or "]]) {
    if (Array.isArray(filter[name])) return `(${filter[name].map(inWords).join(word)})`;
  }
  if (filter.not) return `not ${inWords(filter.not)}`;
  return Object.entries(operators).map(([name, value]) => {
    if (name === "exists") return `${value ? "some" : "no"} ${field}`;
    if (name === "in") return `${field} is ${[value].flat().join(" or ")}`;
    return `${field} ${OPERATORS[name] ?? name} ${value}`;
  }).join(" and ");
}
