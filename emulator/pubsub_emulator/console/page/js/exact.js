// JSON of events, with its numbers as they were written: 1.0, 2^63 and 202201180000000014 survive no JavaScript number.
// A raw number is an object without a prototype: show it with `written`, never with String.
export const isExact = typeof JSON.rawJSON === "function";

const keep = (_, value, { source }) => (typeof value === "number" ? JSON.rawJSON(source) : value);

// Whether JSON may have numbers that JavaScript would write in another way: most has none, and is parsed forty times faster.
const LOSES = /[:,[]\s*(?:-0|-?(?:[\d.]{16}|\d+\.\d*0(?!\d)|[\d.]+[eE]|0\.0{6}))/;
export const parse = (text) => JSON.parse(text, isExact && LOSES.test(text) ? keep : undefined);

export const written = (value) => typeof value === "string" ? value : (JSON.stringify(value) ?? "");

// Characters that would hide, move or reorder others are shown as their codes.
const UNSEEN = /[\0-\x08\v-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export const visible = (text) => text.replace(UNSEEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
