// Values as text: JSON as it was written, what would not be seen, numbers, times and money.
import { prices } from "./store.js";

// JSON of events keeps its numbers as they were written: 1.0, 2^63 and 202201180000000014 survive no JavaScript number.
// A raw number is an object without a prototype: show it with `written`, never with String.
export const isExact = typeof JSON.rawJSON === "function";
const keep = (_, value, { source }) => (typeof value === "number" ? JSON.rawJSON(source) : value);

// Whether JSON may have numbers that JavaScript would write in another way: most has none, and is parsed forty times faster.
const LOSES = /[:,[]\s*(?:-0|-?(?:[\d.]{16}|\d+\.\d*0(?!\d)|[\d.]+[eE]|0\.0{6}))/;
export const parse = (text) => JSON.parse(text, isExact && LOSES.test(text) ? keep : undefined);
export const written = (value) => typeof value === "string" ? value : (JSON.stringify(value) ?? "");

// Characters that would hide, move or reorder others are shown as their codes.
const UNSEEN = /[\0-\x08\v-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
export const visible = (value) =>
  written(value).replace(UNSEEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);

const UNITS = [["d", 86400, Infinity], ["h", 3600, 86400], ["m", 60, 3600], ["s", 1, 60]]; // of how many seconds, out of how many

// A length of time in its two largest units: "1d 4h".
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1).replace(".0", "")}s`;
  const whole = Math.round(seconds), parts = UNITS.map(([unit, length, of]) => [Math.floor((whole % of) / length), unit]);
  return parts.filter(([number]) => number).slice(0, 2).map((part) => part.join("")).join(" ");
}

const secondsUntil = (time) => (Date.parse(time) - Date.now()) / 1000;
export const ago = (time) => (time ? `${duration(Math.max(0, Math.round(-secondsUntil(time))))} ago` : "–");
export const inFuture = (time) => secondsUntil(time) > 0 ? `in ${duration(Math.ceil(secondsUntil(time)))}` : time ? "now" : "–";

// Local time, to the millisecond; of another day, the day and the time to the second.
export function clock(time) {
  const at = new Date(time), local = new Date(at - 60000 * at.getTimezoneOffset()).toISOString();
  return at.toDateString() === new Date().toDateString() ? local.slice(11, 23) : local.slice(0, 19).replace("T", " ");
}

export const count = (number) => number.toLocaleString("en-US");
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
export const rate = (perSecond) => `${perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))}/s`;

// What store operations cost in Firestore.
export function money(ops) {
  const dollars = Object.entries(prices.get()).reduce((sum, [kind, price]) => sum + (ops[kind] * price) / 1e6, 0);
  return `$${dollars.toFixed(dollars >= 1 ? 2 : 7).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}
