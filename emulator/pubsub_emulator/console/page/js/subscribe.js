// The dialogs that change a subscriber; each says first what is forgotten.
import { call, newToken } from "./api.js";
import { plural } from "./format.js";
import { Dialog, Field, html, Select, useState } from "./view.js";

const PLACES = [["latest", "the end: only what comes from now on"], ["earliest", "the beginning: all that is kept"], ["time", "a time"]];
const NUMBERS = [["ack_deadline_s", "Deadline, seconds", { min: 1, max: 600, placeholder: 30 }], ["max_attempts", "Attempts", { min: 1, max: 100, placeholder: 5 }],
  ["backoff_s", "Backoff, seconds", { min: 0, max: 600, step: "any", placeholder: 10 }]];
const placeOf = (form) => form.get("place") === "time" ? new Date(form.get("time")).toISOString() : form.get("place");
const localNow = () => new Date(Date.now() - 60000 * new Date().getTimezoneOffset()).toISOString().slice(0, 19);
const forgets = ({ unsettled }) => unsettled ? `${plural(unsettled, "event")} that it has leased, or that failed and would come again, are forgotten.`
  : "Nothing is leased now.";

function Place({ label }) {
  const [place, setPlace] = useState("latest");
  return html`<${Field} label=${label}><${Select} name="place" options=${PLACES} value=${place} onPick=${setPlace} /><//>
    ${place === "time" && html`<${Field} label="Time"><input name="time" type="datetime-local" step="1" required defaultValue=${localNow()} /><//>`}`;
}

export function SubscribeDialog({ subscriber, onClose }) {
  const subscribe = async (form) => {
    const name = subscriber ?? form.get("subscriber").trim(), filters = form.get("filters").trim();
    const body = { subscriber: name, topic: form.get("topic").trim(), start: placeOf(form), ...(form.has("ordered") && { ordered: true }) };
    for (const [each] of NUMBERS) if (form.get(each)) body[each] = Number(form.get(each));
    if (filters) body.filters = JSON.parse(filters);
    if (!subscriber) await call("POST", "register", { body: { subscriber: name } });
    await call("POST", "subscribe", { body });
    return `${name} subscribes to ${body.topic}.`;
  };
  return html`<${Dialog} title=${`Subscribe ${subscriber ?? ""}`} verb="Subscribe" work=${subscribe} onClose=${onClose}>
    ${!subscriber && html`<${Field} label="Subscriber" hint="It is registered if there is none."><input name="subscriber" required /><//>`}
    <${Field} label="Topic or pattern" hint="orders.* is one more token, orders.> one or more."><input name="topic" required /><//>
    <${Place} label="Begin at" />
    <details class="more"><summary>Settings</summary>
      <${Field} label="Filters" hint='A JSON list: [{"prefix": {"type": "order."}}]'><input name="filters" spellcheck=${false} /><//>
      ${NUMBERS.map(([name, label, rest]) => html`<${Field} label=${label}><input name=${name} type="number" ...${rest} /><//>`)}
      <label class="check"><input name="ordered" type="checkbox" /> In order: nothing newer while something older is open</label>
    </details><//>`;
}

export function MoveDialog({ subscriber, subscription: { topic, via, backlog, ...rest }, onClose }) {
  const move = (form) => call("POST", "subscribe", { body: { subscriber, topic, seek: placeOf(form), create: false, token: newToken() } })
    .then(() => `${subscriber} was moved in ${topic}.`);
  return html`<${Dialog} title=${`Move ${subscriber} in ${topic}`} verb="Move" work=${move} onClose=${onClose}>
    <p>${plural(backlog, "event")} wait in the backlog: a move to the end skips them, a move back delivers events again. ${forgets(rest)}</p>
    ${via && html`<p>The topic stays with the pattern ${via}.</p>`}<${Place} label="Go on at" /><//>`;
}

export function UnsubscribeDialog({ subscriber, subscription: { topic, backlog, ...rest }, onClose }) {
  const unsubscribe = () => call("DELETE", "subscribe", { body: { subscriber, topic, token: newToken() } }).then(() => `${subscriber} no longer follows ${topic}.`);
  return html`<${Dialog} title=${`Unsubscribe ${subscriber} from ${topic}`} verb="Unsubscribe" danger work=${unsubscribe} onClose=${onClose}>
    <p>Its place is forgotten: ${plural(backlog, "event")} of the backlog will not be delivered. ${forgets(rest)} The topic and its events stay.</p><//>`;
}

export function RemoveDialog({ state: { subscriber, subscriptions, backlog, unsettled }, onClose, onRemoved }) {
  const [token] = useState(newToken);
  const remove = async (_, force) => {
    await call("DELETE", "register", { body: { subscriber, token, ...(force && { force }) } });
    onRemoved();
    return `${subscriber} was removed.`;
  };
  return html`<${Dialog} title=${`Remove ${subscriber}`} verb="Remove" danger work=${remove} onClose=${onClose}
    extras=${{ dead_letters_left: ["Remove, and drop what failed", true] }}>
    <p>${plural(subscriptions.length, "subscription")}, ${plural(backlog, "event")} of backlog and ${plural(unsettled, "unsettled event")} are forgotten.
      Topics, their events and dead letters stay. Events that failed for the last time become dead letters first.</p><//>`;
}
