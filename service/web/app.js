// The page: one query, the pictures that answer it, and what is there before the first one.

import { collection, search } from "./api.js";
import { startTile, tile } from "./grid.js";
import { addressOf, filePicture, isEmpty, letGo, pictureFileOf, queryAt, storedPicture } from "./query.js";

const PAGE = 40;
const SAMPLE_FROM = 200;
const SAMPLE_ROWS = 2;
const KINDS = { text: "by text", image: "like this picture", composed: "by picture and text" };

const $ = (id) => document.getElementById(id);
const state = { picture: null, asked: null, cursor: null, loading: null, found: 0 };

function setPicture(picture) {
  letGo(state.picture);
  state.picture = picture;
  $("chip").hidden = picture === null;
  $("chip-picture").hidden = false;
  if (picture) $("chip-picture").src = picture.url;
  $("text").placeholder = picture
    ? "Say what should change, or just search"
    : "Describe a picture, or drop one here";
}

function setQuery({ text, picture }) {
  $("text").value = text;
  setPicture(picture);
}

function submit() {
  const query = { text: $("text").value.trim(), picture: state.picture };
  const address = addressOf(query);
  if ((location.hash || "#") !== address) history.pushState(null, "", address);
  run(query);
}

function openAddress() {
  setQuery(queryAt(location.hash));
  run({ text: $("text").value.trim(), picture: state.picture });
}

function moreLike(hit) {
  setQuery({ text: "", picture: storedPicture(hit.id) });
  submit();
  $("text").focus({ preventScroll: true });
}

function useFile(file) {
  setPicture(filePicture(file));
  submit();
  $("text").focus();
}

function removePicture() {
  setPicture(null);
  submit();
  $("text").focus();
}

function run(query) {
  state.loading?.abort();
  Object.assign(state, { asked: query, cursor: null, loading: null, found: 0 });
  $("error").hidden = true;
  $("more").hidden = true;
  $("welcome").hidden = !isEmpty(query);
  $("status").textContent = isEmpty(query) ? "" : "Searching…";
  document.title = query.text ? `${query.text} · Pictor` : "Pictor";
  window.scrollTo({ top: 0 });
  if (isEmpty(query)) showStart();
  else load((tiles) => $("hits").replaceChildren(...tiles));
}

function loadMore() {
  if (state.cursor && !state.loading) load((tiles) => $("hits").append(...tiles));
}

async function load(show) {
  const loading = new AbortController();
  state.loading = loading;
  $("hits").setAttribute("aria-busy", "true");
  try {
    const options = { limit: PAGE, cursor: state.cursor, signal: loading.signal };
    const answer = await search(state.asked, options);
    show(answer.hits.map((hit) => tile(hit, moreLike)));
    showAnswer(answer);
  } catch (error) {
    if (error.name !== "AbortError") showFailure(error.message);
  } finally {
    if (state.loading === loading) {
      state.loading = null;
      $("hits").removeAttribute("aria-busy");
    }
  }
}

function showAnswer(answer) {
  state.cursor = answer.next_cursor;
  state.found += answer.hits.length;
  const count = answer.next_cursor ? `Best ${state.found}` : `${state.found}`;
  const pictures = state.found === 1 ? "picture" : "pictures";
  const how = answer.composer ? ` (${answer.composer})` : "";
  const took = `${answer.took_ms.toFixed(0)} ms`;
  $("status").textContent = `${count} ${pictures} ${KINDS[answer.kind]}${how} · ${took}`;
  $("more").hidden = !answer.next_cursor;
}

function showFailure(message) {
  if (state.found === 0) $("hits").replaceChildren();
  $("status").textContent = "";
  $("error").textContent = message.charAt(0).toUpperCase() + message.slice(1);
  $("error").hidden = false;
}

function showStart() {
  $("hits").replaceChildren();
  // without a sample the page is only plainer
  if (!$("sample").hasChildNodes()) showSample().catch(() => {});
}

async function showSample() {
  const answer = await search({ text: "a photo", picture: null }, { limit: SAMPLE_FROM });
  const columns = getComputedStyle($("sample")).gridTemplateColumns.split(" ").length;
  const shuffled = answer.hits.map((hit) => [Math.random(), hit]).sort(([a], [b]) => a - b);
  const chosen = shuffled.slice(0, SAMPLE_ROWS * columns);
  $("sample").replaceChildren(...chosen.map(([, hit]) => startTile(hit, moreLike)));
  $("sample-title").hidden = chosen.length === 0;
}

async function showAbout() {
  const { items, model } = await collection();
  $("about").textContent = `${items.toLocaleString("en")} pictures · model ${model}`;
}

function takeDrop(event) {
  event.preventDefault();
  $("drop").hidden = true;
  const file = pictureFileOf(event.dataTransfer);
  if (file) useFile(file);
  else showFailure("That is not a picture file.");
}

function takePaste(event) {
  const file = pictureFileOf(event.clipboardData);
  if (!file) return;
  event.preventDefault();
  useFile(file);
}

function takeChoice() {
  const [file] = $("file").files;
  if (file) useFile(file);
  $("file").value = ""; // so that the same file can be chosen again
}

function listen() {
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  $("chip-remove").addEventListener("click", removePicture);
  // a browser cannot show every format that can be searched by
  $("chip-picture").addEventListener("error", () => ($("chip-picture").hidden = true));
  $("file").addEventListener("change", takeChoice);
  $("more").addEventListener("click", loadMore);
  addEventListener("popstate", openAddress);
  addEventListener("paste", takePaste);
  addEventListener("drop", takeDrop);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").hidden = !event.dataTransfer?.types.includes("Files");
  });
  addEventListener("dragleave", (event) => {
    // only leaving the window has no element that is entered
    if (!event.relatedTarget) $("drop").hidden = true;
  });
  new IntersectionObserver(([end]) => end.isIntersecting && loadMore(), {
    rootMargin: "600px",
  }).observe($("more"));
}

listen();
openAddress();
showAbout().catch(() => {});
