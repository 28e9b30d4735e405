// What the page shows and what its reader sets, some of it kept by the browser; and the address after #, which is the whole view:
// `#/tail?topic=orders.eu&start=earliest`.
let changed = () => {};

// Has `show` called whenever a store is set.
export const watch = (show) => { changed = show; };

export function store(value, keep) {
  const set = (next) => {
    value = next;
    keep?.(next);
    changed();
  };
  return { get: () => value, set };
}

// A store that the browser keeps as JSON. Where it keeps nothing, the value holds until the page is left.
export function kept(storage, name, fallback) {
  const key = `pubsub.${name}`;
  let value;
  try { value = JSON.parse(storage.getItem(key)); } catch { /* not JSON, or not allowed */ }
  return store(value ?? fallback, (next) => {
    try { storage.setItem(key, JSON.stringify(next)); } catch { /* full, or not allowed */ }
  });
}

export const refresh = kept(localStorage, "refresh", "2"); // seconds between reads; "" for never
export const theme = kept(localStorage, "theme", "light dark"); // CSS color-scheme
export const prices = kept(localStorage, "prices", { reads: 0.3, writes: 0.9, deletes: 0.1 }); // US dollars a million
export const said = store(""); // what was done last, for the status line
export const route = store(read());
addEventListener("hashchange", () => route.set(read()));

function read() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").map(unescaped), query: new URLSearchParams(search) };
}

export function unescaped(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// An address with a query: what is null or undefined is left out, and a list has an entry for each of its texts.
export function withQuery(address, query = {}) {
  const search = new URLSearchParams(Object.entries(query).flatMap(([key, value]) => [value ?? []].flat().map((each) => [key, each])));
  return search.size ? `${address}?${search}` : address;
}

// The address of a view; `path` is a list of names.
export const to = (path, query) => withQuery(`#/${path.map(encodeURIComponent).join("/")}`, query);

// Shows another view in place of this one: there is nothing to go back to.
export function become(path, query) {
  history.replaceState(null, "", to(path, query));
  route.set(read());
}
