// The address after # is the whole view: `#/tail?topic=orders.eu&start=earliest`.
import { store } from "./store.js";

const unescaped = (text) => { try { return decodeURIComponent(text); } catch { return text; } };

function read() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").map(unescaped), query: new URLSearchParams(search) };
}

export const route = store(read());
addEventListener("hashchange", () => route.set(read()));

// An address with a query: what is null or undefined is left out, and a list has an entry for each of its texts.
export function withQuery(address, query = {}) {
  const search = new URLSearchParams(Object.entries(query).flatMap(([key, value]) => [value ?? []].flat().map((each) => [key, each])));
  return search.size ? `${address}?${search}` : address;
}

// `path` is a list of names.
export const to = (path, query) => withQuery(`#/${path.map(encodeURIComponent).join("/")}`, query);

// Shows another view in place of this one: there is nothing to go back to.
export function become(path, query) {
  history.replaceState(null, "", to(path, query));
  route.set(read());
}
