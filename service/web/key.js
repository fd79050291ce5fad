// The key that a server may ask for: shown once, for a session that the browser keeps.

let asking = null;

/** Resolves when a session has begun; all who wait at the same time share one question. */
export function askForKey() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

function ask() {
  const dialog = document.getElementById("key");
  const form = dialog.querySelector("form");
  dialog.showModal();
  return new Promise((resolve) => {
    // without a key nothing can be shown, so that there is no way out
    dialog.oncancel = (event) => event.preventDefault();
    form.onsubmit = async (event) => {
      event.preventDefault();
      const refusal = await begin(form.elements.key.value.trim());
      document.getElementById("key-refusal").textContent = refusal ?? "";
      if (refusal !== null) return;
      form.reset();
      dialog.close();
      resolve();
    };
  });
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
