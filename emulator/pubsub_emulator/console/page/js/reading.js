// Reads again and again while somebody looks, and says what went wrong for as long as it does.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { identity } from "./api.js";
import { refresh, store, use } from "./store.js";

export const faults = store(new Map()); // what fails now: problem by whose it is
export const nudge = store(0); // counts requests to read at once

export function setFault(owner, problem) {
  const now = new Map(faults.get());
  if (problem) faults.set(now.set(owner, problem));
  else if (now.delete(owner)) faults.set(now);
}

// Runs `work` while the tab is visible: it is aborted when the tab is hidden, and begins again when it is seen.
export function whileVisible(work) {
  let running;
  const begin = () => {
    running?.abort();
    running = new AbortController();
    if (!document.hidden) work(running.signal);
  };
  document.addEventListener("visibilitychange", begin);
  begin();
  return () => { document.removeEventListener("visibilitychange", begin); running.abort(); };
}

// A pause that an abort ends.
export const pause = (seconds, signal) => new Promise((done) => {
  const timer = setTimeout(done, 1000 * seconds);
  signal.addEventListener("abort", () => done(clearTimeout(timer)), { once: true });
});

// Returns what `load(signal)` gave last (undefined before), and a function that reads at once.
export function useReading(load, inputs) {
  const [value, setValue] = useState(), [again, setAgain] = useState(0);
  const seconds = use(refresh), token = use(identity), owner = useRef({}).current, asked = use(nudge);
  useEffect(() => setValue(undefined), [...inputs, token]); // what another caller saw is not shown on
  useEffect(() => whileVisible(async (signal) => {
    do {
      let loaded, problem = null;
      try { loaded = await load(signal); } catch (error) { problem = error; }
      if (signal.aborted) return;
      if (!problem) setValue(loaded);
      setFault(owner, problem);
      if (seconds) await pause(Number(seconds), signal);
    } while (seconds && !signal.aborted);
  }), [...inputs, seconds, asked, again, token]);
  useEffect(() => () => setFault(owner, null), []);
  return [value, useCallback(() => setAgain((count) => count + 1), [])];
}
