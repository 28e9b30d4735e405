// The address after # is the whole view: `#/tail?topic=orders.eu&start=earliest`.
import { store } from "./store.js";

function read() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").map(unescaped), query: new URLSearchParams(search ?? "") };
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = store(read());
addEventListener("hashchange", () => route.set(read()));

// `path` is a list of names; of `query`, what is empty is left out, and a list has an entry for each of its texts.
export function to(path, query = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const each of [value ?? []].flat()) if (each !== "") search.append(key, each);
  }
  return `#/${path.map(encodeURIComponent).join("/")}${search.size ? `?${search}` : ""}`;
}

// Shows another view in place of this one: there is nothing to go back to.
export function become(path, query) {
  history.replaceState(null, "", to(path, query));
  route.set(read());
}
