// Subscribers: how far behind all are, and of one what it follows, who has its events, and why one was not delivered.
// Each dialog that changes one says first what is forgotten.
import { call, newToken, state as read, states } from "./api.js";
import { Why } from "./explain.js";
import { ago, count, duration, inFuture, plural } from "./format.js";
import { useReading } from "./reading.js";
import { become, to } from "./store.js";
import { ask, Badge, html, Table, Tiles, Time, Title } from "./view.js";

const SUBSCRIBERS = [["Subscriber"], ["Backlog", "number"], ["Oldest", "number"], ["Leased", "number wide"], ["Due", "number wide"],
  ["Delayed", "number wide"], ["Failed", "number wide"], ["Subscriptions", "number wide"], ["Last seen", "number"]];
const SUBSCRIPTIONS = [["Topic"], ["Backlog", "number"], ["Unsettled", "number wide"], ["Oldest", "number wide"], ["Settings", "wide"],
  ["Actions", "links"]];
const LEASES = [["Ends"], ["Events", "number"], ["Attempt", "number"], ["Topics"], ["Lease", "wide"]];

// What waits has waited longer than ten times the deadline.
const isLate = ({ oldest_unsettled_age_s: age, subscriptions }) =>
  age > 10 * Math.max(0, ...subscriptions.map((each) => each.ack_deadline_s));
const leased = (state) => Math.max(0, state.unsettled - state.due);

export function SubscribersPanel() {
  const subscribers = useReading((signal) => states("subscriber", signal), []);
  return html`<${Title} text="Subscribers" items=${subscribers}>
      <button type="button" onClick=${() => subscribe("")}>Subscribe…</button><//>
    <${Table} caption="Subscribers" columns=${SUBSCRIBERS} rows=${subscribers?.map(subscriberOf)}
      none="No subscribers yet." commands=${["pubsub subscribe billing orders", "pubsub get billing"]} />`;
}

const subscriberOf = (state) => ({ key: state.subscriber, alarm: isLate(state), cells: [
  html`<a href=${to(["subscribers", state.subscriber])}>${state.subscriber}</a>`, state.backlog,
  html`${duration(state.oldest_unsettled_age_s)}${isLate(state) && html`<span class="unseen"> (late)</span>`}`,
  leased(state), state.due, state.delayed, state.dead, state.subscriptions.filter((each) => !each.via).length, ago(state.changed_at),
] });

export function SubscriberPanel({ name, query }) {
  const state = useReading((signal) => read("subscriber", name, signal), [name]);
  return html`<${Title} text=${name}>${state && html`<button type="button" onClick=${() => subscribe(name)}>Subscribe…</button>
      <button type="button" class="danger" onClick=${() => remove(state)}>Remove…</button>`}<//>
    ${state && html`<${Tiles} tiles=${tilesOf(state)} />
      ${state.unfollowed > 0 && html`<p class="problem">
        ${count(state.unfollowed)} topics have no room among its 1,000 logs: their events are not delivered.</p>`}
      <h2>Subscriptions</h2>
      <${Table} caption="Subscriptions" columns=${SUBSCRIPTIONS} none="It follows nothing yet."
        commands=${[`pubsub subscribe ${name} orders`]} rows=${state.subscriptions.map((each) => subscriptionOf(name, each))} />
      <h2>Leases</h2>
      <${Table} caption="Leases" columns=${LEASES} rows=${state.leases.map(leaseOf)} none="No consumer has events of it now." />
      <h2>Why was it not delivered?</h2><${Why} state=${state} query=${query} />`}`;
}

const tailOf = (topic) => html`<a href=${to(["tail"], { topic })}>${topic}</a>`;

const tilesOf = (state) => [
  ["Backlog", state.backlog], ["Oldest", duration(state.oldest_unsettled_age_s), isLate(state)], ["Leased", leased(state)],
  ["Due again", state.due], ["Delayed", state.delayed], ["Failed", state.dead],
  ["Next due", inFuture(state.next_due_at)], ["Last seen", ago(state.changed_at)],
];

function subscriptionOf(name, each) {
  const button = (label, act) => html`
    <button type="button" aria-label=${`${label} ${each.topic}`} onClick=${() => act(name, each)}>${label}…</button>`;
  const settings = html`deadline ${duration(each.ack_deadline_s)}, ${each.max_attempts} attempts,
    backoff ${duration(each.backoff_s)}${each.ordered && ", in order"}, dead letters in ${tailOf(each.dead_letter_topic)}
    ${each.filters.length > 0 && html`<br /><code>${JSON.stringify(each.filters)}</code>`}`;
  return { key: each.topic, cells: [
    html`${tailOf(each.topic)}${each.via && html` <${Badge}>by ${each.via}<//>`}
      ${each.lost > 0 && html` <${Badge} kind="warn">${count(each.lost)} lost<//>`}`,
    each.backlog, each.unsettled, duration(each.oldest_age_s), each.via ? `as ${each.via}` : settings,
    html`${button("Move", move)} ${!each.via && button("Unsubscribe", unsubscribe)}`,
  ] };
}

const leaseOf = (each) => ({ key: each.lease, cells: [
  html`<${Time} at=${each.until} text=${inFuture(each.until)} />`, each.events, each.attempt,
  Object.entries(each.topics ?? {}).map(([topic, events]) => `${topic} (${count(events)})`).join(", "), html`<code>${each.lease}</code>`,
] });

const startOf = ({ place, time }) => (place === "time" ? new Date(time).toISOString() : place);

// What `subscription`, or all of a subscriber, has that would be forgotten.
const forgotten = (subscriber, { topic, backlog, unsettled }) =>
  ({ subscriber, topic, backlog: plural(backlog, "event"), unsettled: plural(unsettled, "event") });

const subscribe = (known) => ask("subscribe", { subscriber: known }, async (form) => {
  const asked = Object.fromEntries([...form].map(([name, text]) => [name, text.trim()]).filter(([, text]) => text));
  const { place, time, filters, ordered, ...body } = { subscriber: known, ...asked, start: startOf(asked) };
  for (const name of ["ack_deadline_s", "max_attempts", "backoff_s"]) if (body[name]) body[name] = Number(body[name]);
  if (filters) body.filters = JSON.parse(filters);
  if (ordered) body.ordered = true;
  if (!known) await call("POST", "register", { body: { subscriber: body.subscriber } });
  await call("POST", "subscribe", { body });
  return `${body.subscriber} subscribes to ${body.topic}.`;
});

function move(subscriber, subscription) {
  const { topic, via } = subscription, pattern = via && `The topic stays with the pattern ${via}.`;
  ask("move", { ...forgotten(subscriber, subscription), pattern }, async (form) => {
    const body = { subscriber, topic, seek: startOf(Object.fromEntries(form)), create: false, token: newToken() };
    await call("POST", "subscribe", { body });
    return `${subscriber} was moved in ${topic}.`;
  });
}

const unsubscribe = (subscriber, subscription) => ask("unsubscribe", forgotten(subscriber, subscription), async () => {
  const { topic } = subscription;
  await call("DELETE", "subscribe", { body: { subscriber, topic, token: newToken() } });
  return `${subscriber} no longer follows ${topic}.`;
});

function remove({ subscriber, subscriptions, ...rest }) {
  const token = newToken(); // the same in each try
  ask("remove", { ...forgotten(subscriber, rest), subscriptions: plural(subscriptions.length, "subscription") }, async (form) => {
    await call("DELETE", "register", { body: { subscriber, token, ...(form.has("force") && { force: true }) } });
    become(["subscribers"]); // at once: nobody reads its page again
    return `${subscriber} was removed.`;
  });
}
