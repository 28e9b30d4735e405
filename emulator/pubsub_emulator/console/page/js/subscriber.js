// One subscriber: how it is, what it follows, who has its events, and why one was not delivered.
import { explain, state as read } from "./api.js";
import { sentence } from "./explain.js";
import { ago, clock, count, duration, inFuture } from "./format.js";
import { follows, isPattern } from "./patterns.js";
import { useAction, useReading } from "./reading.js";
import { to } from "./router.js";
import { MoveDialog, RemoveDialog, SubscribeDialog, UnsubscribeDialog } from "./subscribe.js";
import { isLate } from "./subscribers.js";
import { Badge, Empty, Field, html, ProblemLine, Table, Tiles, Title, useState } from "./view.js";

const COLUMNS = [["Topic"], ["Backlog", "number"], ["Unsettled", "number wide"], ["Oldest", "number wide"], ["Settings", "wide"], ["Actions", "links"]];
const LEASES = [["Ends"], ["Events", "number"], ["Attempt", "number"], ["Topics"], ["Lease", "wide"]];
const tailOf = (topic) => html`<a href=${to(["tail"], { topic })}>${topic}</a>`;

export function SubscriberPanel({ name, query }) {
  const [state, again] = useReading((signal) => read("subscriber", name, signal), [name]);
  const [dialog, setDialog] = useState(null); // [component, properties]
  const ask = (component, properties) => setDialog([component, { subscriber: name, ...properties }]);
  const onRemoved = () => { location.hash = to(["subscribers"]); };
  return html`<${Title} text=${name}>${state && html`<button type="button" onClick=${() => ask(SubscribeDialog)}>Subscribe…</button>
      <button type="button" class="danger" onClick=${() => ask(RemoveDialog, { state, onRemoved })}>Remove…</button>`}<//>
    ${state && html`<${Tiles} tiles=${tilesOf(state)} />
      ${state.unfollowed > 0 && html`<p class="problem">${count(state.unfollowed)} topics have no room among its 1,000 logs: their events are not delivered.</p>`}
      <h2>Subscriptions</h2>
      ${state.subscriptions.length ? html`<${Table} caption="Subscriptions" columns=${COLUMNS} rows=${state.subscriptions.map((each) => rowOf(each, ask))} />`
        : html`<${Empty} text="It follows nothing yet." commands=${[`pubsub subscribe ${name} orders`]} />`}
      <h2>Leases</h2>${state.leases.length ? html`<${Table} caption="Leases" columns=${LEASES} rows=${state.leases.map(leaseOf)} />`
        : html`<p class="quiet">No consumer has events of it now.</p>`}
      <h2>Why was it not delivered?</h2><${Why} state=${state} query=${query} />`}
    ${dialog && html`<${dialog[0]} ...${dialog[1]} onClose=${() => { setDialog(null); again(); }} />`}`;
}

const tilesOf = (state) => [
  ["Backlog", count(state.backlog)], ["Oldest", duration(state.oldest_unsettled_age_s), isLate(state)],
  ["Leased", count(Math.max(0, state.unsettled - state.due))], ["Due again", count(state.due)], ["Delayed", count(state.delayed)],
  ["Failed", count(state.dead)], ["Next due", state.next_due_at ? inFuture(state.next_due_at) : "–"], ["Last seen", ago(state.changed_at)],
];

function rowOf(each, ask) {
  const button = (label, component) => html`<button type="button" aria-label=${`${label} ${each.topic}`}
    onClick=${() => ask(component, { subscription: each })}>${label}…</button>`;
  const settings = html`deadline ${duration(each.ack_deadline_s)}, ${each.max_attempts} attempts, backoff ${duration(each.backoff_s)}${each.ordered && ", in order"},
    dead letters in ${tailOf(each.dead_letter_topic)}${each.filters.length > 0 && html`<br /><code>${JSON.stringify(each.filters)}</code>`}`;
  return { key: each.topic, cells: [
    html`${tailOf(each.topic)}${each.via && html` <${Badge}>by ${each.via}<//>`}${each.lost > 0 && html` <${Badge} kind="warn">${count(each.lost)} lost<//>`}`,
    count(each.backlog), count(each.unsettled), duration(each.oldest_age_s), each.via ? `as ${each.via}` : settings,
    html`${button("Move", MoveDialog)} ${!each.via && button("Unsubscribe", UnsubscribeDialog)}`,
  ] };
}

const leaseOf = (each) => ({ key: each.lease, cells: [
  html`<time datetime=${each.until} title=${clock(each.until)}>${inFuture(each.until)}</time>`, count(each.events), each.attempt,
  Object.entries(each.topics ?? {}).map(([topic, events]) => `${topic} (${count(events)})`).join(", "), html`<code>${each.lease}</code>`,
] });

function Why({ state: { subscriber, subscriptions }, query }) {
  const [found, setFound] = useState(null);
  const { busy, problem, begin } = useAction(async (form) => {
    const topic = form.get("topic").trim(), event = form.get("event").trim();
    setFound(null);
    setFound(follows(subscriptions, topic) ? sentence(await explain(subscriber, topic, event)) : `${subscriber} does not subscribe to ${topic}.`);
  });
  const topics = subscriptions.map((each) => each.topic).filter((each) => !isPattern(each));
  return html`<form class="bar" onSubmit=${(event) => { event.preventDefault(); begin(new FormData(event.target)); }}>
      <${Field} label="Topic"><input name="topic" list="followed" required defaultValue=${query.get("topic") ?? topics[0] ?? ""} /><//>
      <datalist id="followed">${topics.map((each) => html`<option value=${each} />`)}</datalist>
      <${Field} label="Sequence or id"><input name="event" required defaultValue=${query.get("event") ?? ""} /><//>
      <button disabled=${busy}>Explain</button></form>
    <p role="status" class="answer">${found}</p><${ProblemLine} problem=${problem} />`;
}
