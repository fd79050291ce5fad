/**
 * The query bar: what is asked as tokens, and a line to say more in.
 *
 * Without a picture the line holds the text itself. With one, every instruction becomes a token and the
 * line takes the next. A word after a minus sign is kept away. What is shown is a draft until it is asked.
 */

import { sign, thumb } from "./asked.js";
import { button, element, icon } from "./elements.js";
import { EMPTY, makeQuery, withParts } from "./query.js";

const CROSS = "M7 7l10 10M17 7L7 17";
const AWAY = /(?:^|\s)[-−](?:"([^"]+)"|([^\s"]\S*))/g;
const INVITATIONS = {
  words: "Describe a picture, or drop one here",
  change: "Say what should change",
  but: "… but what should be different?",
  more: "and then …",
};

const $ = (id) => document.getElementById(id);

export class Bar {
  #draft = EMPTY;
  #on;
  #isProposal = false;

  /** @param {{ask(query): void, crop(query): void, leave(): void, down(): void}} on */
  constructor(on) {
    this.#on = on;
    $("search").addEventListener("submit", (event) => {
      event.preventDefault();
      on.ask(this.query);
    });
    $("text").addEventListener("keydown", (event) => this.#takeKey(event));
    this.show(EMPTY);
  }

  /** What would be asked now: the draft, with what is written in the line. */
  get query() {
    const { text, away } = parted($("text").value);
    const before = this.#draft.picture ? this.#draft.texts : [];
    const exclude = [...this.#draft.exclude, ...away.map((each) => ({ text: each }))];
    return withParts(this.#draft, { texts: [...before, text], exclude });
  }

  /** What was written and not yet asked; "" where the line only shows what was. */
  get unsaid() {
    const shown = this.#draft.picture ? "" : this.#draft.texts[0] ?? "";
    const text = $("text").value.trim();
    return text === shown ? "" : text;
  }

  /** Shows a query that is being answered. */
  show(query) {
    this.#isProposal = false;
    this.#put(query);
  }

  /** Shows a picture that something is to be said about, before it is asked. */
  propose(query) {
    this.#isProposal = true;
    this.#put(query);
    this.focus();
  }

  /** A picture that is on its way to the server, or null when it is there or could not go. */
  expect(file) {
    $("search").toggleAttribute("data-busy", Boolean(file));
  }

  focus() {
    $("text").focus({ preventScroll: true }); // it is always in sight
    $("text").select();
  }

  #put(query) {
    this.#draft = query;
    const { picture, texts } = query;
    $("text").value = picture ? "" : texts[0] ?? "";
    $("text").placeholder = INVITATIONS[!picture ? "words" : texts.length ? "more" : this.#isProposal ? "but" : "change"];
    const tokens = [...(picture ? [this.#pictureToken()] : []), ...this.#textTokens(), ...this.#awayTokens()];
    $("tokens").replaceChildren(...tokens);
    $("tokens").hidden = !tokens.length;
  }

  #pictureToken() {
    const { picture, crop } = this.#draft;
    const choose = button(
      {
        class: "whole", "aria-label": crop ? "Part of a picture. Choose another part" : "This picture. Choose a part of it",
        title: "Choose a part of it", onclick: () => this.#on.crop(this.#draft),
      },
      thumb(picture, crop),
    );
    return token("picture", choose, this.#remover("Remove the picture", { picture: null, texts: this.#draft.texts.slice(-1) }));
  }

  /** Each can be taken back into the line to be said differently. */
  #textTokens() {
    const { picture, texts } = this.#draft;
    if (!picture) return [];
    return texts.map((text, i) => {
      const edit = button({ class: "words", title: "Say it differently", "aria-label": `${text}. Say it differently`, onclick: () => this.#takeBack(i) }, text);
      return token("text", edit, this.#remover(`Remove “${text}”`, { texts: without(texts, i) }), sign("+"));
    });
  }

  #awayTokens() {
    const { exclude } = this.#draft;
    return exclude.map((each, i) => {
      const what = each.id ? thumb(each, null, "a picture like this") : element("span", { class: "words" }, each.text);
      const name = each.id ? "Allow pictures like this again" : `Allow “${each.text}” again`;
      return token("away", what, this.#remover(name, { exclude: without(exclude, i) }), sign("−"));
    });
  }

  #remover(name, parts) {
    const onclick = () => {
      const rest = makeQuery({ ...this.#draft, ...parts });
      this.focus();
      if (this.#isProposal && !rest.picture) this.#on.leave();
      else this.#on.ask(rest);
    };
    return button({ class: "remove", "aria-label": name, title: name, onclick }, icon(CROSS));
  }

  #takeBack(i) {
    const text = this.#draft.texts[i];
    this.#isProposal = true;
    this.#put(withParts(this.#draft, { texts: without(this.#draft.texts, i) }));
    $("text").value = text;
    this.focus();
  }

  #takeKey(event) {
    const { key, target } = event;
    const isEmptyLine = !target.value;
    if (key === "Escape") this.#on.leave();
    else if (key === "ArrowDown") this.#on.down();
    else if (key === "Backspace" && isEmptyLine && this.#draft.texts.length) this.#takeBack(this.#draft.texts.length - 1);
    else return;
    event.preventDefault();
  }
}

function token(kind, what, remove, mark = null) {
  return element("li", { class: `token ${kind}` }, mark, what, remove);
}

const without = (list, gone) => list.filter((_, i) => i !== gone);

/** What is wanted of a line, and what is to be kept away. */
function parted(line) {
  const away = [...line.matchAll(AWAY)].map(([, quoted, word]) => quoted ?? word);
  return { text: line.replace(AWAY, " ").replace(/\s+/g, " ").trim(), away };
}
