// What the reader sets, and the browser keeps.
import { kept } from "./store.js";

export const refresh = kept(localStorage, "refresh", "2"); // seconds between reads; "" for never
export const theme = kept(localStorage, "theme", "light dark"); // CSS color-scheme
export const prices = kept(localStorage, "prices", { reads: 0.3, writes: 0.9, deletes: 0.1 }); // US dollars a million

export const dollars = (ops) =>
  (ops.reads * prices.get().reads + ops.writes * prices.get().writes + ops.deletes * prices.get().deletes) / 1e6;
