// The address after # is the whole view: `#/tail?topic=orders.eu&start=earliest`.
import { store } from "./store.js";

const unescaped = (text) => { try { return decodeURIComponent(text); } catch { return text; } };

function read() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").map(unescaped), query: new URLSearchParams(search ?? "") };
}

export const route = store(read());
addEventListener("hashchange", () => route.set(read()));

// `path` is a list of names; of `query`, what is empty is left out, and a list has an entry for each of its texts.
export function to(path, query = {}) {
  const entries = Object.entries(query).flatMap(([key, value]) => [value ?? ""].flat().map((each) => [key, each]));
  const search = new URLSearchParams(entries.filter(([, value]) => value !== ""));
  return `#/${path.map(encodeURIComponent).join("/")}${search.size ? `?${search}` : ""}`;
}

// Shows another view in place of this one: there is nothing to go back to.
export function become(path, query) {
  history.replaceState(null, "", to(path, query));
  route.set(read());
}
