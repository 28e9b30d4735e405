// A value that components watch; those that `use` it render again when it changes.
import { useEffect, useState } from "preact/hooks";

export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const watcher of watchers) watcher();
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

// A store that the browser keeps: in `storage`, as JSON, under a name of the console's own.
export function kept(storage, name, fallback) {
  const key = `pubsub.${name}`;
  let value = fallback;
  try {
    value = JSON.parse(storage.getItem(key)) ?? fallback;
  } catch {
    // not JSON, or this browser keeps nothing: the fallback holds
  }
  const made = store(value);
  made.watch(() => {
    try {
      storage.setItem(key, JSON.stringify(made.get()));
    } catch {
      // full or forbidden: the value holds until the page is left
    }
  });
  return made;
}

export function use(watched) {
  const [, again] = useState(0);
  useEffect(() => watched.watch(() => again((count) => count + 1)), [watched]);
  return watched.get();
}
