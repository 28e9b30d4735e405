// Numbers and times in words.
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

// A length of time in at most two units: "1d 4h".
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1).replace(".0", "")}s`;
  let left = Math.round(seconds);
  const first = UNITS.findIndex(([, length]) => left >= length);
  return UNITS.slice(first, first + 2)
    .map(([unit, length]) => {
      const count = Math.floor(left / length);
      left %= length;
      return count && `${count}${unit}`;
    })
    .filter(Boolean)
    .join(" ");
}

export const secondsUntil = (time) => (Date.parse(time) - Date.now()) / 1000;
export const ago = (time) => (time ? `${duration(Math.max(0, Math.round(-secondsUntil(time))))} ago` : "–");
export const inFuture = (time) => (secondsUntil(time) > 0 ? `in ${duration(Math.ceil(secondsUntil(time)))}` : "now");

const two = (number) => String(number).padStart(2, "0");

// Local time, to the millisecond; with the day unless it is today.
export function clock(time) {
  const at = new Date(time);
  const hours = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return at.toDateString() === new Date().toDateString()
    ? `${hours}.${String(at.getMilliseconds()).padStart(3, "0")}`
    : `${day} ${hours}`;
}

export const count = (number) => number.toLocaleString("en-US");
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
export const rate = (perSecond) => `${perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))}/s`;
export const money = (dollars) =>
  `$${dollars.toFixed(dollars >= 1 ? 2 : 7).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
