// The OpenAPI document, readable: every operation with its parameters, body and answers, every schema.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A schema in a few words: a link where it has a name. */
function typeOf(schema) {
  if (!schema) return "anything";
  if (schema.$ref) return schemaLink(schema.$ref.split("/").pop());
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return joined(choices.map(typeOf), " or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return element("span", "", "list of ", typeOf(schema.items));
  if (schema.format === "binary") return "file";
  return schema.type ?? "anything";
}

function schemaLink(name) {
  const link = element("a", "", name);
  link.href = `#schema-${name}`;
  return link;
}

function joined(parts, between) {
  return element("span", "", ...parts.flatMap((part, i) => (i ? [between, part] : [part])));
}

function limitsOf(schema) {
  const names = { minimum: "≥", maximum: "≤", maxLength: "characters ≤", maxItems: "items ≤", pattern: "like" };
  const limits = Object.entries(names)
    .filter(([key]) => schema[key] !== undefined)
    .map(([key, sign]) => `${sign} ${schema[key]}`);
  if (schema.default !== undefined && schema.default !== null) limits.push(`default ${JSON.stringify(schema.default)}`);
  return limits.join(", ");
}

function fieldRow(name, schema, required) {
  const label = element("code", required ? "required" : "", name);
  const about = element("td", "", schema.description ?? "", " ", element("span", "faint", limitsOf(schema)));
  return element("tr", "", element("td", "", label), element("td", "", typeOf(schema)), about);
}

function fieldTable(rows) {
  return rows.length ? element("div", "wide", element("table", "", element("tbody", "", ...rows))) : null;
}

function propertiesOf(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, each]) => fieldRow(name, each, required.has(name)));
}

function bodyOf(operation) {
  const content = Object.entries(operation.requestBody?.content ?? {});
  return content.map(([mediaType, { schema }]) =>
    element("div", "", element("p", "", `Takes ${mediaType}: `, schema.properties ? "" : typeOf(schema)), fieldTable(propertiesOf(schema))));
}

function answersOf(operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const [mediaType, content] = Object.entries(response.content ?? {})[0] ?? ["", {}];
    return element("tr", "", element("td", "", element("code", "", status)), element("td", "", mediaType, " ", typeOf(content.schema)), element("td", "", response.description));
  });
  return fieldTable(rows);
}

function operationOf(path, method, operation) {
  const title = element("h3", "", element("span", `method ${method}`, method.toUpperCase()), element("code", "", path));
  const parameters = (operation.parameters ?? []).map((each) =>
    fieldRow(each.name, { ...each.schema, description: each.description }, each.required));
  return element("section", "operation", title, element("p", "", operation.description ?? operation.summary), fieldTable(parameters), ...bodyOf(operation), answersOf(operation));
}

function schemaOf([name, schema]) {
  const section = element("section", "operation", element("h3", "", element("code", "", name)), element("p", "", schema.description ?? ""), fieldTable(propertiesOf(schema)));
  section.id = `schema-${name}`;
  return section;
}

function show(documented) {
  document.getElementById("about").textContent = `${documented.info.description} Version ${documented.info.version}.`;
  const operations = Object.entries(documented.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => operationOf(path, method, item[method])));
  document.getElementById("operations").append(...operations);
  document.getElementById("schemas").append(...Object.entries(documented.components.schemas).map(schemaOf));
}

try {
  show(await (await fetch("/openapi.json")).json());
} catch {
  const error = document.getElementById("error");
  error.textContent = "The API's description cannot be loaded.";
  error.hidden = false;
}
