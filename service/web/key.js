/** The key that a server may ask for: shown once, for a session that the browser keeps. */

let asking = null;

/** Resolves when a session has begun; all who wait at the same time share one question. */
export function askForKey() {
  return question("This collection is not open to everyone.", "Show the pictures", null);
}

/** As askForKey, for a key that may add; rejects with `refused` where the visitor has none. */
export function askForWriting(refused) {
  return question("Adding pictures needs a key that may write.", "Go on", refused);
}

function question(why, consent, refused) {
  asking ??= ask(why, consent, refused).finally(() => (asking = null));
  return asking;
}

function ask(why, consent, refused) {
  const dialog = document.getElementById("key");
  const form = dialog.querySelector("form");
  document.getElementById("key-why").textContent = why;
  document.getElementById("key-consent").textContent = consent;
  document.getElementById("key-refusal").textContent = "";
  document.getElementById("key-leave").hidden = !refused;
  dialog.showModal();
  return new Promise((resolve, reject) => {
    document.getElementById("key-leave").onclick = () => leave(() => reject(refused));
    dialog.oncancel = (event) => {
      // without a key nothing can be shown, so that there is no way out
      event.preventDefault();
      if (refused) leave(() => reject(refused));
    };
    form.onsubmit = async (event) => {
      event.preventDefault();
      const refusal = await begin(form.elements.key.value.trim());
      document.getElementById("key-refusal").textContent = refusal ?? "";
      if (refusal === null) leave(resolve);
    };
  });

  function leave(settle) {
    form.reset();
    dialog.close();
    settle();
  }
}

/** What is wrong with the key, or null. */
async function begin(key) {
  try {
    const response = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key }),
    });
    if (response.ok) return null;
    const problem = await response.json();
    return problem.code === "key_invalid" ? "This key is not good, or not any more." : problem.detail;
  } catch {
    return "The server cannot be reached.";
  }
}
