// Events as they come, of all topics asked for, in the order in which they were stored.
import { useEffect, useRef, useState } from "preact/hooks";
import { identity, peek } from "./api.js";
import { written } from "./exact.js";
import { clock, count, plural } from "./format.js";
import { EventDetails } from "./event.js";
import { isPattern } from "./patterns.js";
import { pause, setFault, whileVisible } from "./reading.js";
import { become, to } from "./router.js";
import { use } from "./store.js";
import { Empty, Field, html, ProblemLine, Select, Title } from "./view.js";

const KEPT = 1000, DRAWN = 300; // events
const WAIT_S = 15, RETRY_S = 2;
const AGO_S = { "5m": 300, "1h": 3600, "1d": 86400 };
const STARTS = [["latest", "now on"], ["5m", "5 minutes ago"], ["1h", "an hour ago"], ["1d", "a day ago"], ["earliest", "the beginning"]];
const LAST = ["last", "the last 100"];

// Reads on and on; returns the events, newest last, what retention took, and the fault that stops it for now.
function useTail(topics, start, filters) {
  const [tail, setTail] = useState({ events: [], begun: false, lost: 0 });
  const token = use(identity);
  useEffect(() => {
    let cursor;
    const owner = {};
    setTail({ events: [], begun: false, lost: 0 });
    const first = {
      topic: topics, filters: filters || undefined, max_events: start === "last" ? undefined : KEPT,
      ...(start === "last" ? { last: 100 } : { start: AGO_S[start] ? before(AGO_S[start]) : start }),
    };
    const stop = whileVisible(async (signal) => {
      while (!signal.aborted) {
        try {
          const page = await peek(cursor ? { cursor, wait_s: WAIT_S, max_events: KEPT } : first, signal);
          if (signal.aborted) return;
          cursor = page.cursor;
          setFault(owner, null);
          const lost = Object.values(page.lost ?? {}).reduce((sum, each) => sum + Number(written(each)), 0);
          setTail((had) => !page.events.length && !lost && had.begun ? had
            : { begun: true, events: [...had.events, ...page.events].slice(-KEPT), lost: had.lost + lost });
        } catch (problem) {
          if (signal.aborted) return;
          setFault(owner, problem);
          if (problem.status === 400) return; // it will not become better
          await pause(RETRY_S, signal);
        }
      }
    });
    return () => {
      stop();
      setFault(owner, null);
    };
  }, [topics.join(), start, filters, token]);
  return tail;
}

const before = (seconds) => new Date(Date.now() - 1000 * seconds).toISOString();
const idOf = (event) => `${event.topic} ${event.sequence}`;

export function TailPanel({ query }) {
  const topics = query.getAll("topic").length ? query.getAll("topic") : [">"];
  const named = !topics.some(isPattern);
  const asked = query.get("start");
  const start = asked && (asked !== "last" || named) ? asked : named ? "last" : "5m";
  const filters = query.get("filters") ?? "", words = query.get("words") ?? "";
  const { events, begun, lost } = useTail(topics, start, filters);
  const [held, setHeld] = useState(null); // the events that stay as they are while paused
  const view = { topic: query.getAll("topic"), start: asked, filters, words };
  const shown = chosen(held ?? events, words);
  const waiting = held && events.length - 1 - events.lastIndexOf(held.at(-1));
  useEffect(() => setHeld(null), [topics.join(), start, filters]);
  return html`<${Title} text="Live tail"><p>${topics.join(" ") === ">" ? "all topics" : topics.join(" ")}</p><//>
    <${TailForm} key=${location.hash.split("&words")[0]} view=${view} topics=${topics} start=${start} named=${named} />
    <div class="bar">
      <button type="button" aria-pressed=${Boolean(held)} onClick=${() => setHeld(held ? null : events)}>${held ? "Go on" : "Pause"}</button>
      <input type="search" aria-label="Show events with these words" placeholder="Show events with these words" value=${words}
        onInput=${(event) => become(["tail"], { ...view, words: event.target.value })} />
      <p role="status">${held ? `Paused, ${plural(waiting, "event")} waiting` : `${plural(shown.length, "event")}${begun ? "" : ", reading"}`}
        ${shown.length > DRAWN && `, the newest ${count(DRAWN)} shown`}${lost > 0 && `, ${count(lost)} deleted before they were shown`}</p>
    </div>
    ${shown.length > 0 && html`<ol class="events" aria-label="Events, newest first">
      ${shown.slice(0, DRAWN).map((event) => html`<li key=${idOf(event)}><${EventDetails} event=${event}
        onOpen=${() => setHeld((had) => had ?? events)} cells=${html`
          <time datetime=${event.recordedtime}>${clock(event.recordedtime)}</time>
          <span class="topic">${event.topic}</span><span class="type">${written(event.type)}</span>`} /></li>`)}
    </ol>`}
    ${begun && !shown.length && html`<${Empty} text=${events.length ? "No event has these words." : "No events yet. They appear here when they come."}
      commands=${events.length ? [] : [`pubsub publish ${named ? topics[0] : "orders"} '{"number": 17}'`]} />
      ${!events.length && start !== "earliest" && html`<p>
        <a class="button" href=${to(["tail"], { ...view, start: "earliest" })}>Show from the beginning</a></p>`}`}`;
}

// The events that have all words, newest first.
function chosen(events, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = wanted.length ? events.filter((event) => wanted.every((word) => textOf(event).includes(word))) : events;
  return found.toReversed();
}

const texts = new WeakMap();
function textOf(event) {
  if (!texts.has(event)) texts.set(event, JSON.stringify(event).toLowerCase());
  return texts.get(event);
}

function TailForm({ view, topics, start, named }) {
  const [problem, setProblem] = useState(null);
  const form = useRef();
  const send = (event) => {
    event?.preventDefault();
    const given = new FormData(form.current);
    const filters = given.get("filters").trim();
    try {
      if (filters) JSON.parse(filters);
    } catch (error) {
      return setProblem(error);
    }
    location.hash = to(["tail"], { ...view, topic: given.get("topic").split(/[\s,]+/), start: given.get("start"), filters });
  };
  return html`<form class="bar" ref=${form} onSubmit=${send}>
    <${Field} label="Topics"><input name="topic" defaultValue=${topics.join(" ")} placeholder="orders.* clicks" required /><//>
    <${Field} label="From"><${Select} name="start" value=${start} onPick=${() => send()}
      options=${[...(named ? [LAST] : []), ...STARTS, ...(STARTS.concat([LAST]).some(([each]) => each === start) ? [] : [[start, start]])]} /><//>
    <details class="more" open=${Boolean(view.filters)}><summary>Filters</summary>
      <${Field} label="Filters, as subscriptions have them" hint='A JSON list of exact, prefix, suffix, all, any, not: [{"prefix": {"type": "order."}}]'>
        <input name="filters" spellcheck=${false} defaultValue=${view.filters} /><//></details>
    <button>Show</button><${ProblemLine} problem=${problem} />
  </form>`;
}
