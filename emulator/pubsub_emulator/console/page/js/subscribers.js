// All subscribers, and how far behind they are.
import { states } from "./api.js";
import { ago, count, duration } from "./format.js";
import { useReading } from "./reading.js";
import { to } from "./router.js";
import { SubscribeDialog } from "./subscribe.js";
import { Empty, html, Table, Title, useState } from "./view.js";

const COLUMNS = [["Subscriber"], ["Backlog", "number"], ["Oldest", "number"], ["Leased", "number wide"], ["Due", "number wide"],
  ["Delayed", "number wide"], ["Failed", "number wide"], ["Subscriptions", "number wide"], ["Last seen", "number"]];

// What waits has waited longer than ten times the deadline.
export const isLate = ({ oldest_unsettled_age_s: age, subscriptions }) =>
  age > 10 * Math.max(0, ...subscriptions.map((each) => each.ack_deadline_s));

export function SubscribersPanel() {
  const [subscribers, again] = useReading((signal) => states("subscriber", signal), []), [asking, setAsking] = useState(false);
  return html`<${Title} text="Subscribers">${subscribers && html`<p>${count(subscribers.length)}${subscribers.more && " of more"}</p>`}
      <button type="button" onClick=${() => setAsking(true)}>Subscribe…</button><//>
    ${subscribers?.length === 0 && html`<${Empty} text="No subscribers yet." commands=${["pubsub subscribe billing orders", "pubsub get billing"]} />`}
    ${subscribers?.length > 0 && html`<${Table} caption="Subscribers" columns=${COLUMNS} rows=${subscribers.map(row)} />`}
    ${asking && html`<${SubscribeDialog} onClose=${() => { setAsking(false); again(); }} />`}`;
}

const row = (state) => ({ key: state.subscriber, alarm: isLate(state), cells: [
  html`<a href=${to(["subscribers", state.subscriber])}>${state.subscriber}</a>`, count(state.backlog),
  html`${duration(state.oldest_unsettled_age_s)}${isLate(state) && html`<span class="unseen"> (late)</span>`}`,
  count(Math.max(0, state.unsettled - state.due)), count(state.due), count(state.delayed), count(state.dead),
  state.subscriptions.filter((each) => !each.via).length, ago(state.changed_at),
] });
