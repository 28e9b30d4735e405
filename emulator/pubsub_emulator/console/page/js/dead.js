// Events that failed for the last time: why, for whom, and once more.
import { useState } from "preact/hooks";
import { peek, redrive, states } from "./api.js";
import { visible, written } from "./exact.js";
import { clock, count, plural } from "./format.js";
import { EventDetails } from "./event.js";
import { useReading } from "./reading.js";
import { become } from "./router.js";
import { Badge, Dialog, Empty, Field, html, Select, Title } from "./view.js";

const LAST = 200; // letters of a topic

// The newest letters of all dead-letter topics, newest first, each with whether its subscriber has redriven it.
async function readLetters(signal) {
  const [topics, subscribers] = [await states("topic", signal), await states("subscriber", signal)];
  const names = new Set(subscribers.map((each) => each.subscriber));
  const letters = [];
  for (const { topic } of topics.filter((each) => each.dead_letter && each.events !== 0)) {
    const owners = subscribers.filter((each) => each.subscriptions.some((one) => one.dead_letter_topic === topic)).map((each) => each.subscriber);
    const redrivers = owners.filter((each) => names.has(`${each}.redrive`));
    const states = new Map(); // by subscriber: what became of the letters for its redriver
    let page;
    for (const each of redrivers.length ? redrivers : [undefined]) {
      page = await peek({ topic, last: LAST, of: each && `${each}.redrive` }, signal);
      states.set(each, page.states?.[topic] ?? {});
    }
    for (const event of page.events) {
      const subscriber = written(event.source).replace("/subscribers/", "");
      letters.push({ event, subscriber, id: `${topic} ${event.sequence}`, exists: names.has(subscriber), reason: written(event.reason ?? ""),
        redriven: states.get(subscriber)?.[event.sequence] === "settled" });
    }
  }
  return letters.sort((one, other) => (one.event.recordedtime < other.event.recordedtime ? 1 : -1));
}

const anyOf = (letters, member, label) => [["", label], ...[...new Set(letters.map((each) => each[member]))].filter(Boolean).sort().map((each) => [each, visible(each)])];

export function DeadPanel({ query }) {
  const [letters, again] = useReading(readLetters, []);
  const [picked, setPicked] = useState(new Set());
  const [asking, setAsking] = useState(false);
  const reason = query.get("reason") ?? "", subscriber = query.get("subscriber") ?? "";
  const shown = letters?.filter((each) => (!reason || each.reason === reason) && (!subscriber || each.subscriber === subscriber)) ?? [];
  const open = shown.filter((each) => each.exists && !each.redriven);
  const chosen = open.filter((each) => picked.has(each.id));
  const pick = (ids, on) => setPicked((had) => new Set(on ? [...had, ...ids] : [...had].filter((each) => !ids.includes(each))));
  const view = (change) => become(["dead"], { reason, subscriber, ...change });
  return html`<${Title} text="Dead letters">${letters && html`<p>${count(letters.length)}</p>`}<//>
    ${letters?.length === 0 && html`<${Empty} text="No dead letters. An event becomes one when it has failed as often as its subscription allows, or at once by nack with dead."
      commands=${["pubsub get billing --nack 'no such customer'", "pubsub dead billing"]} />`}
    ${letters?.length > 0 && html`<div class="bar">
        <label class="check"><input type="checkbox" checked=${open.length > 0 && chosen.length === open.length} disabled=${!open.length}
          onChange=${(event) => pick(open.map((each) => each.id), event.target.checked)} /> All ${count(open.length)} shown</label>
        <${Field} label="Reason"><${Select} options=${anyOf(letters, "reason", "any")} value=${reason} onPick=${(each) => view({ reason: each })} /><//>
        <${Field} label="Subscriber"><${Select} options=${anyOf(letters, "subscriber", "any")} value=${subscriber} onPick=${(each) => view({ subscriber: each })} /><//>
        <button type="button" class="main" disabled=${!chosen.length} onClick=${() => setAsking(true)}>Redrive ${chosen.length ? count(chosen.length) : ""}…</button>
      </div>
      <ol class="events letters" aria-label="Dead letters, newest first">${shown.map((each) => html`<li key=${each.id}>
        <input type="checkbox" aria-label=${`Choose ${visible(written(each.event.originalid ?? each.event.id))}`} disabled=${!open.includes(each)}
          checked=${chosen.includes(each)} onChange=${(event) => pick([each.id], event.target.checked)} />
        <${EventDetails} event=${each.event} cells=${html`<time datetime=${each.event.recordedtime}>${clock(each.event.recordedtime)}</time>
          <span class="topic">${written(each.event.originaltopic ?? "")} → ${visible(each.subscriber)}</span>
          <span class="reason">${visible(each.reason) || "no reason"}</span><span>${plural(Number(written(each.event.attempts ?? 0)), "attempt")}</span>
          ${each.redriven && html`<${Badge} kind="good">redriven<//>`}${!each.exists && html`<${Badge}>no such subscriber<//>`}`} /></li>`)}</ol>
      ${!shown.length && html`<p class="quiet">None of these.</p>`}`}
    ${asking && html`<${RedriveDialog} letters=${chosen} onClose=${() => { setAsking(false); setPicked(new Set()); again(); }} />`}`;
}

function RedriveDialog({ letters, onClose }) {
  const [by] = useState(() => Object.entries(Object.groupBy(letters, (each) => each.subscriber))); // the list may change meanwhile
  const work = async () => {
    let redriven = 0;
    const refused = [];
    for (const [subscriber, of] of by) {
      const sum = await redrive(subscriber, of.map((each) => written(each.event.id)));
      redriven += sum.redriven;
      refused.push(...sum.refused);
    }
    return `${count(redriven)} redriven.${refused.length ? ` Not taken: ${refused.map((each) => `${each.topic}: ${each.detail}`).join("; ")}` : ""}`;
  };
  return html`<${Dialog} title=${`Redrive ${plural(by.flatMap(([, of]) => of).length, "event")}`} verb="Redrive" work=${work} onClose=${onClose}>
    <ul>${by.map(([subscriber, of]) => html`<li>${plural(of.length, "event")} for <b>${subscriber}</b> alone</li>`)}</ul>
    <p>They are published again in the topics that they came from. Other subscribers do not get them again.</p><//>`;
}
