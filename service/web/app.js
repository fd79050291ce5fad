/**
 * The page: an address, what it shows, and what changes it.
 *
 * Everything that is seen follows from the address (address.js), so that back, forward and a link that is
 * sent lead to the same. What is done makes a new address; showing one asks only for what has changed.
 */

import { read, written } from "./address.js";
import { queryPicture } from "./api.js";
import { described } from "./asked.js";
import { Bar } from "./bar.js";
import { Detail } from "./detail.js";
import { hold } from "./held.js";
import { takePictures } from "./intake.js";
import { listenForKeys } from "./keys.js";
import { choosePart } from "./part.js";
import { Places } from "./places.js";
import { isAbort } from "./problem.js";
import { EMPTY, isEmpty, isOpen, isSame, makeQuery, withParts } from "./query.js";
import { Results } from "./results.js";
import { share } from "./share.js";
import { Steps } from "./steps.js";
import { amend, goOn, goTo, queryIn, startTrail, undo } from "./trail.js";

const $ = (id) => document.getElementById(id);
let seen = { trail: startTrail(), open: null };
let asked = null; // the query whose answer is shown
let sending = null;

const query = () => queryIn(seen.trail);
const hrefOf = (id) => written({ trail: startTrail(query()), open: id });

/** Goes to another address, which back comes back from; `depth` counts views that were opened on top. */
function visit(address, depth = 0) {
  history.pushState({ depth }, "", written(address));
  show(address);
}

const ask = (next) => visit({ trail: goOn(seen.trail, next), open: null });
const change = (next) => visit({ trail: amend(seen.trail, next), open: null });
const depth = () => history.state?.depth ?? 0;

function show(address) {
  const before = seen;
  seen = address;
  const now = query();
  bar.show(now);
  steps.show(seen.trail);
  const isReady = places.show(now);
  document.title = isEmpty(now) ? "Pictor" : `${described(now)} · Pictor`;
  $("title").textContent = `Pictures for ${described(now)}`;
  $("title").hidden = isEmpty(now); // the welcome has its own
  if (!asked || !isSame(asked, now)) {
    asked = now;
    results.show(now, isReady);
  }
  if (seen.open !== before.open || !seen.open) showDetail(before.open);
}

function showDetail(before) {
  if (seen.open) {
    detail.show(seen.open, { query: query(), place: placeOf(seen.open), canExclude: !isOpen(query()) });
  } else if (before) {
    detail.hide();
    const place = placeOf(before);
    if (place) results.grid.focus(place.at);
  }
}

function placeOf(id) {
  const at = results.hits.findIndex((hit) => hit.id === id);
  return at < 0 ? null : { at, of: results.hits.length };
}

/** Another of the pictures found, in place of the one that is open. */
function turn(by) {
  const place = placeOf(seen.open);
  const next = place && results.hits[place.at + by];
  if (!next) return;
  const address = { ...seen, open: next.id };
  history.replaceState({ depth: depth() }, "", written(address));
  show(address);
}

const open = (id) => visit({ ...seen, open: id }, depth() + 1);

/** Back to where the view was opened from, however many there were on the way. */
function close() {
  if (depth() > 0) return history.go(-depth());
  const address = { ...seen, open: null };
  history.replaceState({ depth: 0 }, "", written(address));
  return show(address);
}

const like = ({ id }) => ask(makeQuery({ picture: { id }, filter: query().filter }));

function but({ id }) {
  if (seen.open) {
    const address = { ...seen, open: null };
    history.replaceState({ depth: 0 }, "", written(address));
    show(address);
  }
  scrollTo({ top: 0 });
  bar.propose(makeQuery({ picture: { id }, filter: query().filter }));
}

function not({ id }) {
  if (!isOpen(query())) ask(withParts(query(), { exclude: [...query().exclude, { id }] }));
}

/** A picture of this device: sent once, then named by its handle. What is said in the bar is kept. */
async function useFile(file) {
  sending?.abort();
  const trip = (sending = new AbortController());
  const said = bar.unsaid;
  bar.expect(file);
  try {
    const picture = await queryPicture(file, { signal: trip.signal });
    hold(picture.handle, file);
    ask(makeQuery({ picture, texts: said ? [said] : [], filter: query().filter }));
    bar.focus();
  } catch (error) {
    if (!isAbort(error)) places.fail(error, () => useFile(file));
  } finally {
    if (sending === trip) bar.expect(null);
  }
}

async function choosePartOf(draft) {
  const box = await choosePart(draft);
  if (box) ask(withParts(draft, { crop: box === "whole" ? null : box }));
}

function leaveBar() {
  if (bar.query && !isSame(bar.query, query())) bar.show(query());
  else if (results.hits.length) results.grid.focus();
}

const deeds = { like, but, not };
const bar = new Bar({ ask, crop: choosePartOf, leave: leaveBar, down: () => results.grid.focus() });
const steps = new Steps($("trail"), { onGo: (at) => visit({ trail: goTo(seen.trail, at), open: null }) });
const detail = new Detail({
  ...deeds, turn, close, open, hrefOf,
  crop: ({ id }, crop) => ask(makeQuery({ picture: { id }, crop, filter: query().filter })),
});
const places = new Places({ ask, change, query, open, useFile, refresh: () => results.refresh() });
const results = new Results({
  ...deeds, ask,
  href: ({ id }) => hrefOf(id),
  open: (index) => open(results.hits[index].id),
  leave: () => bar.focus(),
  add: () => places.add(),
  answered: (answer) => places.answered(answer),
});

takePictures({
  onFile: useFile,
  onId: (id) => like({ id }),
  onMany: (entries) => places.add(entries),
  onNone: () => places.say("That is not a picture."),
});
listenForKeys({ find: () => bar.focus(), undo: () => undoStep() });

function undoStep() {
  const back = undo(seen.trail);
  if (back !== seen.trail) visit({ trail: back, open: null });
}

$("start").addEventListener("click", (event) => {
  event.preventDefault();
  visit({ trail: startTrail(EMPTY), open: null });
  bar.focus();
});
$("share").addEventListener("click", () => share(location.href));
addEventListener("popstate", () => show(read(location.hash)));

show(read(location.hash));
