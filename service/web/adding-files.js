/**
 * The pictures among what was picked or dropped, folders walked through to their ends.
 *
 * filesOf(given, onSkipped): given is a FileList, files, a DataTransfer or file system entries; yields
 * { file, name }, name with its folders and / between them. What is no picture is told to onSkipped(name), what
 * is hidden is passed over. A DataTransfer is read before the first await, as browsers want it.
 */

const PICTURE = /\.(jpe?g|png|webp|gif|tiff?|bmp|hei[cf]|avif)$/i;

/** @returns {AsyncGenerator<{file: File, name: string}>} */
export function filesOf(given, onSkipped) {
  return walked(listed(given), onSkipped);
}

/** Whether a drop holds a folder, or several files: something to add rather than to search by. */
export function isToAdd(transfer) {
  return (transfer?.files.length ?? 0) > 1 || entriesOf(transfer).some((entry) => entry.isDirectory);
}

/** What a DataTransfer holds, to be read later than it can be itself. */
export function listed(given) {
  if (given instanceof DataTransfer) {
    const entries = entriesOf(given);
    return entries.length ? entries : [...given.files];
  }
  return [...given];
}

function entriesOf(transfer) {
  return [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
}

async function* walked(things, onSkipped) {
  for (const thing of things) {
    if (thing instanceof File) yield* picture(thing, thing.webkitRelativePath || thing.name, onSkipped);
    else if (thing.isDirectory) yield* walked(await childrenOf(thing, onSkipped), onSkipped);
    else yield* entered(thing, onSkipped);
  }
}

async function* entered(entry, onSkipped) {
  const name = entry.fullPath.replace(/^\//, "");
  const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
  if (file) yield* picture(file, name, onSkipped);
  else onSkipped(name);
}

function* picture(file, name, onSkipped) {
  if (name.split("/").some((part) => part.startsWith("."))) return;
  const isPicture = PICTURE.test(file.name) || (file.type.startsWith("image/") && file.type !== "image/svg+xml");
  if (isPicture) yield { file, name };
  else onSkipped(name);
}

/** A reader gives its entries some at a time, and none at the end. */
async function childrenOf(folder, onSkipped) {
  const reader = folder.createReader();
  const children = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve(null)));
    if (some === null) onSkipped(folder.fullPath);
    if (!some?.length) return children.sort((one, other) => (one.name < other.name ? -1 : 1));
    children.push(...some);
  }
}
