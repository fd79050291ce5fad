/**
 * A client of Pictor's REST interface. Types are the server's own: src/schema.ts is generated from
 * its OpenAPI document. Needs fetch and nothing else.
 */
import type { components } from "./schema.js";

export type { components, operations, paths } from "./schema.js";
export type Schemas = components["schemas"];
export type Search = Partial<Schemas["SearchRequest"]>;

export interface Options {
  key?: string;
  /** How often a server that is full (503, 429) is asked again. */
  retries?: number;
  /** The longest Retry-After that is waited for. */
  longestSeconds?: number;
  fetch?: typeof fetch;
}

export interface Listing {
  limit?: number;
  cursor?: string;
  order?: string;
  filter?: unknown;
}

export interface Looking {
  /** x0,y0,x1,y1 of 0 to 1. */
  box?: string;
  limit?: number;
  filter?: unknown;
}

export interface Counting {
  by?: string;
  prefix?: string;
  limit?: number;
  filter?: unknown;
}

/** The server's answer is a problem; `code` is stable, for programs. */
export class ProblemError extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
    this.name = "ProblemError";
  }

  get code(): string {
    return this.problem.code;
  }
}

export class Pictor {
  private readonly fetch: typeof fetch;

  constructor(
    private readonly address: string,
    private readonly options: Options = {},
  ) {
    this.fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  search(query: Search): Promise<Schemas["SearchResponse"]> {
    return this.json("POST", "/v1/search", query);
  }

  /** The same query as a form, with the picture as the file `image`. */
  searchByUpload(form: FormData): Promise<Schemas["SearchResponse"]> {
    return this.json("POST", "/v1/search/upload", form);
  }

  /** All hits, page by page as they are asked for. */
  async *hits(query: Search): AsyncGenerator<Schemas["SearchHit"]> {
    let page = await this.search(query);
    yield* page.hits;
    while (page.next_cursor !== null) {
      page = await this.search({ ...query, cursor: page.next_cursor });
      yield* page.hits;
    }
  }

  /** A form with one file `image`; its handle stands for it in searches, for a while. */
  keep(form: FormData): Promise<Schemas["HandleAnswer"]> {
    return this.json("POST", "/v1/pictures", form);
  }

  async keptThumbnail(handle: string): Promise<Blob> {
    return (await this.answer("GET", `/v1/pictures/${encodeURIComponent(handle)}/thumbnail`)).blob();
  }

  /** A form with the files `image`, or { images: [{ base64 }] }; many become a job. */
  add(images: FormData | { images: object[] }): Promise<Schemas["AddAnswer"] | Schemas["JobAnswer"]> {
    return this.json("POST", "/v1/images", images);
  }

  async delete(id: string): Promise<void> {
    await this.answer("DELETE", `/v1/images/${encodeURIComponent(id)}`);
  }

  job(id: string): Promise<Schemas["JobAnswer"]> {
    return this.json("GET", `/v1/jobs/${encodeURIComponent(id)}`);
  }

  image(id: string): Promise<Schemas["ItemAnswer"]> {
    return this.json("GET", `/v1/images/${encodeURIComponent(id)}`);
  }

  async file(id: string): Promise<Blob> {
    return (await this.answer("GET", `/v1/images/${encodeURIComponent(id)}/file`)).blob();
  }

  async thumbnail(id: string): Promise<Blob> {
    return (await this.answer("GET", `/v1/images/${encodeURIComponent(id)}/thumbnail`)).blob();
  }

  /** Where a text is seen: a PNG to lay over the picture. */
  async heatmap(id: string, text: string): Promise<Blob> {
    return (await this.answer("GET", `/v1/images/${encodeURIComponent(id)}/heatmap${queryOf({ text })}`)).blob();
  }

  list(listing: Listing = {}): Promise<Schemas["ListingAnswer"]> {
    return this.json("GET", `/v1/images${queryOf({ ...listing })}`);
  }

  facets(field: string, counting: Counting = {}): Promise<Schemas["FacetsAnswer"]> {
    return this.json("GET", `/v1/facets${queryOf({ field, ...counting })}`);
  }

  overview(looking: Looking = {}): Promise<Schemas["OverviewAnswer"]> {
    return this.json("GET", `/v1/overview${queryOf({ ...looking })}`);
  }

  embeddings(input: unknown): Promise<Schemas["EmbeddingsResponse"]> {
    return this.json("POST", "/v1/embeddings", { input });
  }

  collection(): Promise<Schemas["CollectionAnswer"]> {
    return this.json("GET", "/v1/collection");
  }

  models(): Promise<Schemas["ModelsAnswer"]> {
    return this.json("GET", "/v1/models");
  }

  model(name: string): Promise<Schemas["ModelAnswer"]> {
    return this.json("GET", `/v1/models/${encodeURIComponent(name)}`);
  }

  alive(): Promise<Schemas["Health"]> {
    return this.json("GET", "/livez");
  }

  ready(): Promise<Schemas["Health"]> {
    return this.json("GET", "/readyz");
  }

  /** In a browser: a cookie that no script can read stands for the key from then on. */
  beginSession(key: string): Promise<Schemas["SessionAnswer"]> {
    return this.json("POST", "/v1/session", { key });
  }

  async endSession(): Promise<void> {
    await this.answer("DELETE", "/v1/session");
  }

  private async json<T>(method: string, path: string, body?: object): Promise<T> {
    return (await (await this.answer(method, path, body)).json()) as T;
  }

  private async answer(method: string, path: string, body?: object): Promise<Response> {
    const { key, retries = 3, longestSeconds = 30 } = this.options;
    const headers: Record<string, string> = key === undefined ? {} : { "X-API-Key": key };
    const form = body instanceof FormData;
    if (body !== undefined && !form) headers["Content-Type"] = "application/json";
    const sent = body === undefined ? {} : { body: form ? body : JSON.stringify(body) };
    for (let tried = 0; ; tried++) {
      const response = await this.fetch(this.address + path, { method, headers, ...sent });
      if (response.ok) return response;
      const seconds = Number(response.headers.get("Retry-After") ?? 2 ** tried / 2);
      const busy = response.status === 503 || response.status === 429;
      if (!busy || tried >= retries || !(seconds <= longestSeconds)) throw await problemOf(response);
      await new Promise((resume) => setTimeout(resume, 1000 * seconds));
    }
  }
}

async function problemOf(response: Response): Promise<ProblemError> {
  const text = await response.text();
  try {
    return new ProblemError(JSON.parse(text) as Schemas["Problem"]);
  } catch {
    const { status } = response; // of a proxy on the way
    const told = { type: "about:blank", title: "", status, detail: text.slice(0, 200) };
    return new ProblemError({ ...told, code: `http_${status}` });
  }
}

function queryOf(values: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    query.set(name, name === "filter" ? JSON.stringify(value) : String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
