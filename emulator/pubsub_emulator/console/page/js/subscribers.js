// Subscribers: how far behind all are, and of one what it follows, who has its events, and why one was not delivered.
import { state as read, states } from "./api.js";
import { Why } from "./explain.js";
import { ago, count, duration, inFuture } from "./format.js";
import { useReading } from "./reading.js";
import { to } from "./router.js";
import { move, remove, subscribe, unsubscribe } from "./subscribe.js";
import { Badge, html, Table, Tiles, Time, Title } from "./view.js";

const SUBSCRIBERS = [["Subscriber"], ["Backlog", "number"], ["Oldest", "number"], ["Leased", "number wide"], ["Due", "number wide"],
  ["Delayed", "number wide"], ["Failed", "number wide"], ["Subscriptions", "number wide"], ["Last seen", "number"]];
const SUBSCRIPTIONS = [["Topic"], ["Backlog", "number"], ["Unsettled", "number wide"], ["Oldest", "number wide"], ["Settings", "wide"],
  ["Actions", "links"]];
const LEASES = [["Ends"], ["Events", "number"], ["Attempt", "number"], ["Topics"], ["Lease", "wide"]];

// What waits has waited longer than ten times the deadline.
const isLate = ({ oldest_unsettled_age_s: age, subscriptions }) =>
  age > 10 * Math.max(0, ...subscriptions.map((each) => each.ack_deadline_s));

export function SubscribersPanel() {
  const [subscribers, again] = useReading((signal) => states("subscriber", signal), []);
  return html`<${Title} text="Subscribers" items=${subscribers}>
      <button type="button" onClick=${() => subscribe("", again)}>Subscribe…</button><//>
    <${Table} caption="Subscribers" columns=${SUBSCRIBERS} rows=${subscribers?.map(subscriberOf)}
      none="No subscribers yet." commands=${["pubsub subscribe billing orders", "pubsub get billing"]} />`;
}

const subscriberOf = (state) => ({ key: state.subscriber, alarm: isLate(state), cells: [
  html`<a href=${to(["subscribers", state.subscriber])}>${state.subscriber}</a>`, count(state.backlog),
  html`${duration(state.oldest_unsettled_age_s)}${isLate(state) && html`<span class="unseen"> (late)</span>`}`,
  count(Math.max(0, state.unsettled - state.due)), count(state.due), count(state.delayed), count(state.dead),
  state.subscriptions.filter((each) => !each.via).length, ago(state.changed_at),
] });

export function SubscriberPanel({ name, query }) {
  const [state, again] = useReading((signal) => read("subscriber", name, signal), [name]);
  return html`<${Title} text=${name}>${state && html`<button type="button" onClick=${() => subscribe(name, again)}>Subscribe…</button>
      <button type="button" class="danger" onClick=${() => remove(state)}>Remove…</button>`}<//>
    ${state && html`<${Tiles} tiles=${tilesOf(state)} />
      ${state.unfollowed > 0 && html`<p class="problem">
        ${count(state.unfollowed)} topics have no room among its 1,000 logs: their events are not delivered.</p>`}
      <h2>Subscriptions</h2>
      <${Table} caption="Subscriptions" columns=${SUBSCRIPTIONS} none="It follows nothing yet."
        commands=${[`pubsub subscribe ${name} orders`]} rows=${state.subscriptions.map((each) => subscriptionOf(name, each, again))} />
      <h2>Leases</h2>
      <${Table} caption="Leases" columns=${LEASES} rows=${state.leases.map(leaseOf)} none="No consumer has events of it now." />
      <h2>Why was it not delivered?</h2><${Why} state=${state} query=${query} />`}`;
}

const tailOf = (topic) => html`<a href=${to(["tail"], { topic })}>${topic}</a>`;

const tilesOf = (state) => [
  ["Backlog", count(state.backlog)], ["Oldest", duration(state.oldest_unsettled_age_s), isLate(state)],
  ["Leased", count(Math.max(0, state.unsettled - state.due))], ["Due again", count(state.due)], ["Delayed", count(state.delayed)],
  ["Failed", count(state.dead)], ["Next due", inFuture(state.next_due_at)], ["Last seen", ago(state.changed_at)],
];

function subscriptionOf(name, each, again) {
  const button = (label, act) => html`
    <button type="button" aria-label=${`${label} ${each.topic}`} onClick=${() => act(name, each, again)}>${label}…</button>`;
  const settings = html`deadline ${duration(each.ack_deadline_s)}, ${each.max_attempts} attempts,
    backoff ${duration(each.backoff_s)}${each.ordered && ", in order"}, dead letters in ${tailOf(each.dead_letter_topic)}
    ${each.filters.length > 0 && html`<br /><code>${JSON.stringify(each.filters)}</code>`}`;
  return { key: each.topic, cells: [
    html`${tailOf(each.topic)}${each.via && html` <${Badge}>by ${each.via}<//>`}
      ${each.lost > 0 && html` <${Badge} kind="warn">${count(each.lost)} lost<//>`}`,
    count(each.backlog), count(each.unsettled), duration(each.oldest_age_s), each.via ? `as ${each.via}` : settings,
    html`${button("Move", move)} ${!each.via && button("Unsubscribe", unsubscribe)}`,
  ] };
}

const leaseOf = (each) => ({ key: each.lease, cells: [
  html`<${Time} at=${each.until} text=${inFuture(each.until)} />`, count(each.events), each.attempt,
  Object.entries(each.topics ?? {}).map(([topic, events]) => `${topic} (${count(events)})`).join(", "), html`<code>${each.lease}</code>`,
] });
