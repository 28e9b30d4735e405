// Calls the service's functions, and adds up what the calls cost; what a pattern stands for, as the service has it.
import { parse } from "./format.js";
import { kept, store, withQuery } from "./store.js";

export const spent = store({ calls: 0, reads: 0, writes: 0, deletes: 0 });
export const identity = kept(sessionStorage, "token", ""); // an ID token, for a service that tells callers apart
const MOST_NAMES = 1000, MOST_ID = 2000; // names of a list; characters of an event's id in an address
const IDS = 40; // in a filter, which takes 100 comparisons and 16 KiB; an id has up to 310 characters
let storeTime = 0; // newest time of the store that was met, µs

// What went wrong; `status` 0: there was no answer.
const problem = (status, code, detail) => Object.assign(new Error(detail), { status, code });

// `query` is as `withQuery` takes it; `body` is an object, or JSON as text.
export async function call(method, name, { query, body, read = JSON.parse, signal } = {}) {
  const headers = { "X-Pubsub-Console": "1", Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
  if (identity.get()) headers["X-Pubsub-Token"] = identity.get().replace(/[^!-~]/g, ""); // a line break of a terminal, for instance
  const sent = typeof body === "object" ? JSON.stringify(body) : body;
  let response, text;
  try {
    response = await fetch(withQuery(name, query), { method, headers, signal, cache: "no-store", body: sent });
    text = await response.text();
  } catch (error) {
    throw error.name === "AbortError" ? error : problem(0, "no_answer", `${location.host} does not answer.`);
  }
  add(response.headers);
  if (!response.ok) throw problemOf(response, text);
  try { return text && read(text); } catch { throw problem(response.status, "bad_answer", `The answer of ${name} is not JSON.`); }
}

function add(headers) {
  const sum = { ...spent.get(), calls: spent.get().calls + 1 };
  for (const [, kind, number] of (headers.get("X-Store-Ops") ?? "").matchAll(/(reads|writes|deletes)=(\d+)/g)) sum[kind] += Number(number);
  spent.set(sum);
  storeTime = Math.max(storeTime, Number(headers.get("X-Store-Time")));
}

function problemOf({ status, statusText }, text) {
  let said = {};
  try { said = JSON.parse(text); } catch { /* it does not come from the service */ }
  return problem(status, said.code, said.detail ?? said.title ?? (statusText || "The answer does not say why."));
}

export const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => (256 + byte).toString(16).slice(1)).join("");
// A token that makes a change, a redrive or a removal safe to repeat.
export const newToken = () => `${storeTime || Date.now() * 1000}-${newId()}`;

// The states of all topics or subscribers that the caller may see; `more` if there are too many.
export async function states(kind, signal) {
  const found = [];
  let page = {};
  do {
    page = await call("GET", "register", { query: { [kind]: "", state: 1, page_size: 200, page_token: page.next_page_token }, signal });
    found.push(...page[`${kind}s`]);
  } while (page.next_page_token && found.length < MOST_NAMES);
  return Object.assign(found, { more: Boolean(page.next_page_token) });
}

export const state = (kind, name, signal) => call("GET", "register", { query: { [kind]: name }, signal });
export const peek = (query, signal) => call("GET", "get_events", { query, read: parse, signal });
export const explain = (subscriber, topic, event, signal) => event.length > MOST_ID
  ? call("POST", "register", { body: { subscriber, topic, id: event }, signal })
  : call("GET", "register", { query: { subscriber, topic, event }, signal });

// Publishes the dead letters with these ids again, for their subscriber alone.
export async function redrive(subscriber, ids) {
  const sum = { redriven: 0, refused: [] };
  for (let first = 0; first < ids.length; first += IDS) {
    const filters = [{ any: ids.slice(first, first + IDS).map((id) => ({ exact: { id } })) }];
    let step = { token: newToken() };
    do {
      step = await call("POST", "subscribe", { body: { subscriber, topic: ">", redrive: { filters }, token: step.token } });
      sum.redriven += step.redriven;
      sum.refused.push(...(step.refused ?? []));
    } while (step.more);
  }
  return sum;
}

// Which topics a pattern stands for: `*` is one token, a last `>` is one or more.
const STANDS_FOR = { __proto__: null, "*": "[^.]+", ">": ".+" };
export const isPattern = (topic) => topic.split(".").some((token) => token in STANDS_FOR);
const matches = (pattern, topic) =>
  new RegExp(`^${pattern.split(".").map((token) => STANDS_FOR[token] ?? token.replaceAll("+", "\\+")).join("\\.")}$`).test(topic);

// Whether one of these subscriptions is to the topic.
export const follows = (subscriptions, topic, isDead) =>
  subscriptions.some((each) => each.topic === topic || (!isDead && matches(each.topic, topic)));
