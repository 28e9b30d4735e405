// Calls the service's functions, and adds up what the calls cost.
import { parse } from "./exact.js";
import { kept, store } from "./store.js";

export const spent = store({ calls: 0, reads: 0, writes: 0, deletes: 0 });
export const identity = kept(sessionStorage, "token", ""); // an ID token, for a service that tells callers apart
let storeTime = 0; // newest time of the store that was met, µs

export class Problem extends Error {
  // status 0: there was no answer
  constructor(status, code, detail) {
    super(detail);
    Object.assign(this, { status, code });
  }
}

// `query` has text, a list of it, or undefined for a parameter that is left out; `body` is an object, or JSON as text.
export async function call(method, name, { query = {}, body, read = JSON.parse, signal } = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== undefined) search.append(key, each);
  }
  const headers = { "X-Pubsub-Console": "1", Accept: "application/json" };
  if (identity.get()) headers["X-Pubsub-Token"] = identity.get();
  if (body) headers["Content-Type"] = "application/json";
  let response, text;
  try {
    response = await fetch(search.size ? `${name}?${search}` : name, {
      method, headers, signal, cache: "no-store", body: typeof body === "object" ? JSON.stringify(body) : body,
    });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "no_answer", `${location.host} does not answer.`);
  }
  add(response.headers);
  if (!response.ok) throw problemOf(response, text);
  try {
    return text && read(text);
  } catch {
    throw new Problem(response.status, "bad_answer", `The answer of ${name} is not JSON.`);
  }
}

function add(headers) {
  const [, reads, writes, deletes] =
    /reads=(\d+), writes=(\d+), deletes=(\d+)/.exec(headers.get("X-Store-Ops"))?.map(Number) ?? [0, 0, 0, 0];
  const had = spent.get();
  spent.set({
    calls: had.calls + 1, reads: had.reads + reads, writes: had.writes + writes, deletes: had.deletes + deletes,
  });
  storeTime = Math.max(storeTime, Number(headers.get("X-Store-Time")));
}

function problemOf(response, text) {
  try {
    const { code, detail, title } = JSON.parse(text);
    return new Problem(response.status, code, detail ?? title);
  } catch {
    return new Problem(response.status, "", response.statusText || "The answer does not say why.");
  }
}

// A token that makes a change, a redrive or a removal safe to repeat.
export const newToken = () => `${storeTime || Date.now() * 1000}-${newId()}`;
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const MOST_NAMES = 1000;

// The states of all topics or subscribers that the caller may see; `more` if there are too many.
export async function states(kind, signal) {
  const found = [];
  let page_token;
  do {
    const page = await call("GET", "register", { query: { [kind]: "", state: 1, page_size: 200, page_token }, signal });
    found.push(...page[`${kind}s`]);
    page_token = page.next_page_token;
  } while (page_token && found.length < MOST_NAMES);
  return Object.assign(found, { more: Boolean(page_token) });
}

export const state = (kind, name, signal) => call("GET", "register", { query: { [kind]: name }, signal });
export const peek = (query, signal) => call("GET", "get_events", { query, read: parse, signal });

const MOST_ID = 2000; // characters of an id in a query

export const explain = (subscriber, topic, event, signal) =>
  event.length > MOST_ID
    ? call("POST", "register", { body: { subscriber, topic, id: event }, signal })
    : call("GET", "register", { query: { subscriber, topic, event }, signal });

// Publishes dead letters again, for their subscriber alone: those of these ids.
export async function redrive(subscriber, ids) {
  const sum = { redriven: 0, passed: 0, refused: [] };
  for (const filters of filtersOf(ids)) {
    let step = { token: newToken() };
    do {
      const body = { subscriber, topic: ">", redrive: { filters }, token: step.token };
      step = await call("POST", "subscribe", { body });
      sum.redriven += step.redriven;
      sum.refused.push(...(step.refused ?? []));
    } while (step.more);
  }
  return sum;
}

// A filter takes 100 comparisons and 16 KiB.
function* filtersOf(ids) {
  let chosen = [], size = 0;
  for (const id of ids) {
    if (chosen.length === 90 || size + id.length > 10000) {
      yield [{ any: chosen }];
      chosen = [];
      size = 0;
    }
    chosen.push({ exact: { id } });
    size += id.length + 20;
  }
  if (chosen.length) yield [{ any: chosen }];
}
