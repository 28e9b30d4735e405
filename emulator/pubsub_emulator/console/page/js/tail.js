// Events as they come, of all topics asked for, in the order in which they were stored.
import { isPattern, peek } from "./api.js";
import { EventDetails } from "./event.js";
import { count, plural, visible, written } from "./format.js";
import { useRounds } from "./reading.js";
import { become, to } from "./store.js";
import { Empty, Field, Form, html, Select, Title, useEffect, useState } from "./view.js";

const KEPT = 1000, KEPT_LENGTH = 30e6, DRAWN = 300, LAST = 100; // events; characters of them
const WAIT_S = 15, RETRY_S = 2, AGO_S = { __proto__: null, "5m": 300, "1h": 3600, "1d": 86400 };
const STARTS = [["last", "the last 100"], ["latest", "now on"], ["5m", "5 minutes ago"], ["1h", "an hour ago"], ["1d", "a day ago"],
  ["earliest", "the beginning"]];

const placeOf = (start) => start === "last" ? { last: LAST }
  : { start: AGO_S[start] ? new Date(Date.now() - 1000 * AGO_S[start]).toISOString() : start, max_events: KEPT };

// Reads on and on; returns the events, newest last, whether it has begun, and how many events retention took.
function useTail(topic, start, filters) {
  const [tail, setTail] = useState({ events: [], lost: 0 });
  useRounds(() => {
    let next = { topic, filters, ...placeOf(start) };
    setTail({ events: [], lost: 0 });
    return async (signal) => {
      const { cursor, events, lost = {} } = await peek(next, signal);
      signal.throwIfAborted();
      next = { cursor, wait_s: WAIT_S, max_events: KEPT };
      setTail((had) => ({
        begun: true, events: events.length ? fitting([...had.events, ...events]) : had.events,
        lost: Object.values(lost).reduce((sum, each) => sum + Number(written(each)), had.lost),
      }));
    };
  }, (problem) => {
    if (!problem) return 0;
    return problem.status === 400 ? null : RETRY_S; // what is refused will not become better
  }, [topic.join(), start, filters]);
  return tail;
}

export function TailPanel({ query }) {
  const given = query.getAll("topic"), topics = given.length ? given : [">"], named = !topics.some(isPattern);
  const filters = query.get("filters"), words = query.get("words"), asked = query.get("start");
  const start = asked && (asked !== "last" || named) ? asked : named ? "last" : "5m";
  const view = { topic: given, start: asked, filters, words }, tail = `${topics} ${start} ${filters}`;
  const { events, begun, lost } = useTail(topics, start, filters);
  const [held, setHeld] = useState(null); // the events that stay as they are while paused
  useEffect(() => setHeld(null), [tail]);
  const shown = chosen(held ?? events, words ?? "");
  const waiting = held && events.length - 1 - events.lastIndexOf(held.at(-1));
  return html`<${Title} text="Live tail"><p>${given.length ? given.join(" ") : "all topics"}</p><//>
    <${TailForm} key=${tail} view=${view} topics=${topics} start=${start} named=${named} />
    <div class="bar">
      <button type="button" aria-pressed=${Boolean(held)} onClick=${() => setHeld(held ? null : events)}>
        ${held ? "Go on" : "Pause"}</button>
      <input type="search" aria-label="Show events with these words" placeholder="Show events with these words" value=${words}
        onInput=${(event) => become(["tail"], { ...view, words: event.target.value || null })} />
      <p role="status">
        ${held ? `Paused, ${plural(waiting, "event")} waiting` : `${plural(shown.length, "event")}${begun ? "" : ", reading"}`}
        ${shown.length > DRAWN && `, the newest ${count(DRAWN)} shown`}${lost > 0 && `, ${count(lost)} deleted before they were shown`}</p>
    </div>
    ${shown.length > 0 && html`<ol class="events" aria-label="Events, newest first">${shown.slice(0, DRAWN).map((event) => html`
      <li key=${`${event.topic} ${event.sequence}`}><${EventDetails} event=${event} onOpen=${() => setHeld((had) => had ?? events)}>
        <span class="topic">${event.topic}</span><span class="type">${visible(event.type)}</span><//></li>`)}</ol>`}
    ${begun && !shown.length && (events.length ? html`<${Empty} none="No event has these words." />`
      : html`<${Empty} none="No events yet. They appear here when they come."
          commands=${[`pubsub publish ${named ? topics[0] : "orders"} '{"number": 17}'`]} />
        ${start !== "earliest" && html`
          <p><a class="button" href=${to(["tail"], { ...view, start: "earliest" })}>Show from the beginning</a></p>`}`)}`;
}

const texts = new WeakMap(); // of each event, what words are looked for in
const textOf = (event) => texts.get(event) ?? texts.set(event, JSON.stringify(event).toLowerCase()).get(event);

// The newest events that are kept.
function fitting(events) {
  let first = events.length, length = 0;
  while (first > Math.max(0, events.length - KEPT) && length < KEPT_LENGTH) length += textOf(events[--first]).length;
  return events.slice(first);
}

// The events that have all words, newest first.
function chosen(events, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return events.filter((event) => wanted.every((word) => textOf(event).includes(word))).reverse();
}

function TailForm({ view, topics, start, named }) {
  const show = async (form) => {
    const { topic, filters, start: from } = Object.fromEntries(form);
    if (filters.trim()) JSON.parse(filters);
    location.hash = to(["tail"], { ...view, topic: topic.trim().split(/[\s,]+/), start: from, filters: filters.trim() || null });
  };
  const known = STARTS.filter(([each]) => named || each !== "last");
  return html`<${Form} class="bar" verb="Show" work=${show}>
    <${Field} label="Topics"><input name="topic" defaultValue=${topics.join(" ")} placeholder="orders.* clicks" required /><//>
    <${Field} label="From"><${Select} name="start" value=${start} onChange=${(event) => event.target.form.requestSubmit()}
      options=${known.some(([each]) => each === start) ? known : [...known, [start, start]]} /><//>
    <details class="more" open=${Boolean(view.filters)}><summary>Filters</summary>
      <${Field} label="Filters, as subscriptions have them"
        hint='A JSON list of exact, prefix, suffix, all, any, not: [{"prefix": {"type": "order."}}]'>
        <input name="filters" spellcheck=${false} defaultValue=${view.filters} /><//></details><//>`;
}
