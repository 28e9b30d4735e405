// Events that failed for the last time: why, for whom, and once more.
import { peek, redrive, states } from "./api.js";
import { EventDetails } from "./event.js";
import { visible, written } from "./exact.js";
import { clock, count, plural } from "./format.js";
import { useReading } from "./reading.js";
import { become } from "./router.js";
import { Badge, Dialog, Empty, Field, html, Select, Title, useState } from "./view.js";

const LAST = 200; // letters of a topic

// The newest letters of all dead-letter topics, newest first, each with whether its subscriber has redriven it.
async function readLetters(signal) {
  const topics = await states("topic", signal), subscribers = await states("subscriber", signal);
  const names = new Set(subscribers.map((each) => each.subscriber)), letters = [];
  for (const { topic } of topics.filter((each) => each.dead_letter && each.events !== 0)) {
    const owners = subscribers.filter((each) => each.subscriptions.some((one) => one.dead_letter_topic === topic)).map((each) => each.subscriber);
    const redrivers = owners.filter((each) => names.has(`${each}.redrive`)), became = {};
    let page;
    for (const each of redrivers.length ? redrivers : [undefined]) {
      page = await peek({ topic, last: LAST, of: each && `${each}.redrive` }, signal);
      became[each] = page.states?.[topic];
    }
    letters.push(...page.events.map((event) => {
      const subscriber = written(event.source).replace("/subscribers/", "");
      return { event, subscriber, id: `${topic} ${event.sequence}`, exists: names.has(subscriber), reason: written(event.reason ?? ""),
        redriven: became[subscriber]?.[event.sequence] === "settled" };
    }));
  }
  return letters.sort((one, other) => (one.event.recordedtime < other.event.recordedtime ? 1 : -1));
}

export function DeadPanel({ query }) {
  const [letters, again] = useReading(readLetters, []), [picked, setPicked] = useState(new Set()), [asking, setAsking] = useState(false);
  const view = { reason: query.get("reason") ?? "", subscriber: query.get("subscriber") ?? "" };
  const shown = letters?.filter((each) => Object.entries(view).every(([member, value]) => !value || each[member] === value)) ?? [];
  const open = shown.filter((each) => each.exists && !each.redriven), chosen = open.filter((each) => picked.has(each.id));
  const pick = (some, on) => setPicked((had) => { const now = new Set(had); for (const { id } of some) on ? now.add(id) : now.delete(id); return now; });
  const choice = (label, member) => html`<${Field} label=${label}><${Select} value=${view[member]} onPick=${(value) => become(["dead"], { ...view, [member]: value })}
    options=${[["", "any"], ...[...new Set(letters.map((each) => each[member]))].filter(Boolean).sort().map((each) => [each, visible(each)])]} /><//>`;
  return html`<${Title} text="Dead letters">${letters && html`<p>${count(letters.length)}</p>`}<//>
    ${letters?.length === 0 && html`<${Empty} text="No dead letters. An event becomes one when it has failed as often as its subscription allows, or at once by nack with dead."
      commands=${["pubsub get billing --nack 'no such customer'", "pubsub dead billing"]} />`}
    ${letters?.length > 0 && html`<div class="bar">
        <label class="check"><input type="checkbox" checked=${open.length > 0 && chosen.length === open.length} disabled=${!open.length}
          onChange=${(event) => pick(open, event.target.checked)} /> All ${count(open.length)} shown</label>
        ${choice("Reason", "reason")}${choice("Subscriber", "subscriber")}
        <button type="button" class="main" disabled=${!chosen.length} onClick=${() => setAsking(true)}>Redrive${chosen.length > 0 && ` ${count(chosen.length)}`}…</button>
      </div>
      <ol class="events letters" aria-label="Dead letters, newest first">${shown.map((each) => html`<li key=${each.id}>
        <input type="checkbox" aria-label=${`Choose ${visible(written(each.event.originalid ?? each.event.id))}`} disabled=${!open.includes(each)}
          checked=${chosen.includes(each)} onChange=${(event) => pick([each], event.target.checked)} />
        <${EventDetails} event=${each.event} cells=${cellsOf(each)} /></li>`)}</ol>
      ${!shown.length && html`<p class="quiet">None of these.</p>`}`}
    ${asking && html`<${RedriveDialog} letters=${chosen} onClose=${() => { setAsking(false); again(); }} />`}`;
}

const cellsOf = ({ event, subscriber, reason, redriven, exists }) => html`<time datetime=${event.recordedtime}>${clock(event.recordedtime)}</time>
  <span class="topic">${written(event.originaltopic ?? "")} → ${visible(subscriber)}</span><span class="reason">${visible(reason) || "no reason"}</span>
  <span>${plural(Number(written(event.attempts ?? 0)), "attempt")}</span>
  ${redriven ? html`<${Badge} kind="good">redriven<//>` : !exists && html`<${Badge}>removed<//>`}`;

function RedriveDialog({ letters, onClose }) {
  const [by] = useState(() => Object.entries(Object.groupBy(letters, (each) => each.subscriber))); // the list may change meanwhile
  const work = async () => {
    const sums = [];
    for (const [subscriber, of] of by) sums.push(await redrive(subscriber, of.map((each) => written(each.event.id))));
    const refused = sums.flatMap((sum) => sum.refused).map((each) => ` Not taken by ${each.topic}: ${each.detail}`);
    return `${count(sums.reduce((total, sum) => total + sum.redriven, 0))} redriven.${refused.join("")}`;
  };
  return html`<${Dialog} title=${`Redrive ${plural(by.flatMap(([, of]) => of).length, "event")}`} verb="Redrive" work=${work} onClose=${onClose}>
    <ul>${by.map(([subscriber, of]) => html`<li>${plural(of.length, "event")} for <b>${subscriber}</b> alone</li>`)}</ul>
    <p>They are published again in the topics that they came from. Other subscribers do not get them again.</p><//>`;
}
