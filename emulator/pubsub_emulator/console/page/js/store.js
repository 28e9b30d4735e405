// Values that components watch: those that `use` one render again when it changes. And what the reader sets, which the browser keeps.
import { useEffect, useState } from "preact/hooks";

export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) { value = next; watchers.forEach((watcher) => watcher()); },
    watch(watcher) { watchers.add(watcher); return () => watchers.delete(watcher); },
  };
}

// A store that the browser keeps as JSON. Where it keeps nothing, the value holds until the page is left.
export function kept(storage, name, fallback) {
  const key = `pubsub.${name}`;
  let value;
  try { value = JSON.parse(storage.getItem(key)); } catch { /* not JSON, or not allowed */ }
  const made = store(value ?? fallback);
  made.watch(() => { try { storage.setItem(key, JSON.stringify(made.get())); } catch { /* full, or not allowed */ } });
  return made;
}

export function use(watched) {
  const [, again] = useState(0);
  useEffect(() => watched.watch(() => again((count) => count + 1)), [watched]);
  return watched.get();
}

export const refresh = kept(localStorage, "refresh", "2"); // seconds between reads; "" for never
export const theme = kept(localStorage, "theme", "light dark"); // CSS color-scheme
export const prices = kept(localStorage, "prices", { reads: 0.3, writes: 0.9, deletes: 0.1 }); // US dollars a million
export const said = store(""); // what was done last, for the status line
