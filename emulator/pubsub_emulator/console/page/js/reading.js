// Reads again and again while somebody looks, and says what went wrong for as long as it does.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { identity } from "./api.js";
import { refresh } from "./settings.js";
import { store, use } from "./store.js";

export const faults = store(new Map()); // what fails now: problem by whose it is
export const nudge = store(0); // counts requests to read at once

export function setFault(owner, problem) {
  const now = new Map(faults.get());
  if (problem) now.set(owner, problem);
  else if (!now.delete(owner)) return;
  faults.set(now);
}

// Runs `work` while the tab is visible: it is aborted when the tab is hidden, and begins again when it is seen.
export function whileVisible(work) {
  let running;
  const begin = () => {
    running?.abort();
    running = undefined;
    if (document.hidden) return;
    running = new AbortController();
    work(running.signal);
  };
  document.addEventListener("visibilitychange", begin);
  begin();
  return () => {
    document.removeEventListener("visibilitychange", begin);
    running?.abort();
  };
}

// A pause that an abort ends.
export const pause = (seconds, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal.addEventListener("abort", () => done(clearTimeout(timer)), { once: true });
  });

// Returns what `load(signal)` gave last (undefined before), and a function that reads at once.
export function useReading(load, inputs) {
  const [value, setValue] = useState();
  const seconds = use(refresh), asked = use(nudge), token = use(identity);
  const [again, setAgain] = useState(0);
  const owner = useRef({}).current;
  useEffect(() => setValue(undefined), inputs);
  useEffect(
    () =>
      whileVisible(async (signal) => {
        while (!signal.aborted) {
          try {
            const loaded = await load(signal);
            if (signal.aborted) return;
            setValue(loaded);
            setFault(owner, null);
          } catch (error) {
            if (signal.aborted) return;
            if (error.name === "AbortError") return;
            setFault(owner, error);
          }
          if (!seconds) return;
          await pause(Number(seconds), signal);
        }
      }),
    [...inputs, seconds, asked, again, token],
  );
  useEffect(() => () => setFault(owner, null), []);
  return [value, useCallback(() => setAgain((count) => count + 1), [])];
}

// An action of the reader's: whether it runs, what went wrong, and a function that begins it.
export function useAction(work) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const begin = async (...given) => {
    setBusy(true);
    setProblem(null);
    try {
      return await work(...given);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, begin };
}
