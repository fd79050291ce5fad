// A justified grid of pictures: every row one height, every picture in its own proportions.

const NARROWEST = 0.5;
const WIDEST = 2.6;

/** One picture as a list item; `onLike(hit)` is called when more like it are wanted. */
export function tile(hit, onLike) {
  const item = document.createElement("li");
  const ratio = Math.min(WIDEST, Math.max(NARROWEST, hit.width / hit.height));
  item.className = "tile";
  item.style.setProperty("--ratio", ratio.toFixed(4));
  item.append(link(hit), info(hit), likeButton(hit, onLike));
  return item;
}

/** A picture that is itself the button. */
export function startTile(hit, onLike) {
  const item = document.createElement("li");
  item.className = "tile";
  const button = element("button", "start");
  button.type = "button";
  button.title = "More like this";
  button.append(picture(hit));
  button.addEventListener("click", () => onLike(hit));
  item.append(button);
  return item;
}

function link(hit) {
  const anchor = document.createElement("a");
  anchor.href = hit.image_url;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  anchor.title = "Open the original";
  anchor.append(picture(hit));
  return anchor;
}

function picture(hit) {
  const image = document.createElement("img");
  image.src = hit.thumbnail_url;
  image.alt = hit.caption ?? hit.path;
  image.loading = "lazy";
  image.decoding = "async";
  return image;
}

function info(hit) {
  const box = element("div", "info");
  const score = element("span", "score", hit.score.toFixed(3));
  score.title = "Similarity to the query";
  box.append(element("span", "caption", hit.caption ?? hit.path), score);
  return box;
}

function likeButton(hit, onLike) {
  const button = element("button", "like");
  button.type = "button";
  button.title = "More like this";
  button.append(element("span", "sign", "≈"), element("span", "word", "More like this"));
  button.addEventListener("click", () => onLike(hit));
  return button;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
