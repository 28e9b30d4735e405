// Events that failed for the last time: why, for whom, and once more.
import { peek, redrive, states } from "./api.js";
import { EventDetails } from "./event.js";
import { count, plural, visible, written } from "./format.js";
import { useReading } from "./reading.js";
import { become } from "./store.js";
import { ask, Badge, Empty, Field, html, Select, Title, useState } from "./view.js";

const LAST = 200; // letters of a topic
const NONE = "No dead letters. An event becomes one when it has failed as often as its subscription allows, or at once by nack with dead.";

// The newest letters of all dead-letter topics, newest first, each with whether its subscriber has redriven it.
async function readLetters(signal) {
  const topics = await states("topic", signal), subscribers = await states("subscriber", signal), letters = [];
  const names = new Set(subscribers.map((each) => each.subscriber));
  for (const { topic } of topics.filter((each) => each.dead_letter && each.events !== 0)) {
    const owners = subscribers.filter((each) => each.subscriptions.some((one) => one.dead_letter_topic === topic)), became = {};
    const redrivers = owners.map((each) => each.subscriber).filter((each) => names.has(`${each}.redrive`));
    let page;
    for (const each of redrivers.length ? redrivers : [undefined]) {
      page = await peek({ topic, last: LAST, of: each && `${each}.redrive` }, signal);
      became[each] = page.states?.[topic];
    }
    letters.push(...page.events.map((event) => letterOf(event, topic, names, became)));
  }
  return letters.sort((one, other) => (one.event.recordedtime < other.event.recordedtime ? 1 : -1));
}

function letterOf(event, topic, names, became) {
  const subscriber = written(event.source).replace("/subscribers/", ""), exists = names.has(subscriber);
  const redriven = became[subscriber]?.[event.sequence] === "settled";
  return { event, subscriber, id: `${topic} ${event.sequence}`, exists, redriven, reason: written(event.reason ?? "") };
}

export function DeadPanel({ query }) {
  const letters = useReading(readLetters, []), [picked, setPicked] = useState({});
  const view = { reason: query.get("reason"), subscriber: query.get("subscriber") };
  const shown = letters?.filter((each) => Object.entries(view).every(([member, value]) => !value || each[member] === value)) ?? [];
  const open = shown.filter((each) => each.exists && !each.redriven), chosen = open.filter((each) => picked[each.id]);
  const pick = (some) => (event) => setPicked({ ...picked, ...Object.fromEntries(some.map(({ id }) => [id, event.target.checked])) });
  const choice = (label, member) => {
    const values = [...new Set(letters.map((each) => each[member]))].filter(Boolean).sort();
    const options = [["", "any"], ...values.map((each) => [each, visible(each)])];
    return html`<${Field} label=${label}><${Select} value=${view[member] ?? ""} options=${options}
      onChange=${(event) => become(["dead"], { ...view, [member]: event.target.value || null })} /><//>`;
  };
  return html`<${Title} text="Dead letters" items=${letters} />
    ${letters?.length === 0 && html`
      <${Empty} none=${NONE} commands=${["pubsub get billing --nack 'no such customer'", "pubsub dead billing"]} />`}
    ${letters?.length > 0 && html`<div class="bar">
        <label class="check"><input type="checkbox" checked=${open.length > 0 && chosen.length === open.length} disabled=${!open.length}
          onChange=${pick(open)} /> All ${count(open.length)} shown</label>
        ${choice("Reason", "reason")}${choice("Subscriber", "subscriber")}
        <button type="button" class="main" disabled=${!chosen.length} onClick=${() => askToRedrive(chosen)}>
          Redrive${chosen.length > 0 && ` ${count(chosen.length)}`}…</button>
      </div>
      <ol class="events letters" aria-label="Dead letters, newest first">${shown.map((each) => html`<li key=${each.id}>
        <input type="checkbox" aria-label=${`Choose ${visible(each.event.originalid ?? each.event.id)}`}
          disabled=${!open.includes(each)} checked=${chosen.includes(each)} onChange=${pick([each])} />
        <${EventDetails} event=${each.event}><${Cells} letter=${each} /><//></li>`)}</ol>
      ${!shown.length && html`<p class="quiet">None of these.</p>`}`}`;
}

const Cells = ({ letter: { event, subscriber, reason, redriven, exists } }) => html`
  <span class="topic">${visible(event.originaltopic)} → ${visible(subscriber)}</span>
  <span class="reason">${visible(reason) || "no reason"}</span>
  <span>${plural(Number(written(event.attempts ?? 0)), "attempt")}</span>
  ${redriven ? html`<${Badge} kind="good">redriven<//>` : !exists && html`<${Badge}>removed<//>`}`;

function askToRedrive(letters) {
  const by = Object.entries(Object.groupBy(letters, (each) => each.subscriber));
  const of = by.map(([subscriber, some]) => `${plural(some.length, "event")} for ${subscriber} alone`).join(", ");
  ask("redrive", { events: plural(letters.length, "event"), of }, async () => {
    let redriven = 0, refused = "";
    for (const [subscriber, some] of by) {
      const done = await redrive(subscriber, some.map((each) => written(each.event.id)));
      redriven += done.redriven;
      for (const each of done.refused) refused += ` Not taken by ${each.topic}: ${each.detail}`;
    }
    return `${count(redriven)} redriven.${refused}`;
  });
}
