// Reads again and again while somebody looks, and says what went wrong for as long as it does.
import { useEffect, useRef, useState } from "preact/hooks";
import { identity } from "./api.js";
import { refresh, store } from "./store.js";

export const faults = store([]); // what fails now: {owner, problem}
const nudges = store(0); // how often all was to be read at once
export const nudge = () => nudges.set(nudges.get() + 1);

function setFault(owner, problem) {
  const others = faults.get().filter((each) => each.owner !== owner);
  if (problem) faults.set([...others, { owner, problem }]);
  else if (others.length < faults.get().length) faults.set(others);
}

// A pause that an abort ends.
const pause = (seconds, signal) => new Promise((done) => {
  signal.onabort = done;
  setTimeout(done, 1000 * seconds);
});

// Runs `round(signal)`, which `begin()` returns, again and again: `pauseAfter(problem)` seconds after the last, or never when that
// is null. It is aborted when the tab is hidden, and goes on when it is seen. Changed inputs, or another caller, begin anew.
export function useRounds(begin, pauseAfter, inputs) {
  const owner = useRef({}).current;
  useEffect(() => {
    const round = begin();
    let running;
    const look = async () => {
      running?.abort();
      running = new AbortController();
      const { signal } = running;
      while (!document.hidden && !signal.aborted) {
        let problem = null;
        try { await round(signal); } catch (error) { problem = error; }
        if (signal.aborted) return;
        setFault(owner, problem);
        const seconds = pauseAfter(problem);
        if (seconds === null) return;
        await pause(seconds, signal);
      }
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => { document.removeEventListener("visibilitychange", look); running.abort(); };
  }, [...inputs, identity.get()]);
  useEffect(() => () => setFault(owner, null), []);
}

// Returns what `load(signal)` gave last; undefined before.
export function useReading(load, inputs) {
  const [value, setValue] = useState(), seconds = Number(refresh.get()) || null;
  useEffect(() => setValue(undefined), [...inputs, identity.get()]); // what another caller saw is not shown on
  useRounds(() => async (signal) => {
    const loaded = await load(signal);
    signal.throwIfAborted();
    setValue(loaded);
  }, () => seconds, [...inputs, seconds, nudges.get()]);
  return value;
}
