// What changes a subscriber; each dialog says first what is forgotten.
import { call, newToken } from "./api.js";
import { ask } from "./dialog.js";
import { plural } from "./format.js";
import { to } from "./router.js";

const startOf = ({ place, time }) => (place === "time" ? new Date(time).toISOString() : place);

// What `subscription`, or all of a subscriber, has that would be forgotten.
const forgotten = (subscriber, { topic, backlog, unsettled }) =>
  ({ subscriber, topic, backlog: plural(backlog, "event"), unsettled: plural(unsettled, "event") });

export const subscribe = (known, onClose) => ask("subscribe", { subscriber: known }, async (form) => {
  const asked = Object.fromEntries([...form].map(([name, text]) => [name, text.trim()]).filter(([, text]) => text));
  const { place, time, filters, ordered, ...body } = { ...asked, start: startOf(asked) };
  for (const name of ["ack_deadline_s", "max_attempts", "backoff_s"]) if (body[name]) body[name] = Number(body[name]);
  if (filters) body.filters = JSON.parse(filters);
  if (ordered) body.ordered = true;
  if (!known) await call("POST", "register", { body: { subscriber: body.subscriber } });
  await call("POST", "subscribe", { body });
  return `${body.subscriber} subscribes to ${body.topic}.`;
}, onClose);

export function move(subscriber, subscription, onClose) {
  const { topic, via } = subscription, pattern = via && `The topic stays with the pattern ${via}.`;
  ask("move", { ...forgotten(subscriber, subscription), pattern }, async (form) => {
    const body = { subscriber, topic, seek: startOf(Object.fromEntries(form)), create: false, token: newToken() };
    await call("POST", "subscribe", { body });
    return `${subscriber} was moved in ${topic}.`;
  }, onClose);
}

export function unsubscribe(subscriber, subscription, onClose) {
  const { topic } = subscription;
  ask("unsubscribe", forgotten(subscriber, subscription), async () => {
    await call("DELETE", "subscribe", { body: { subscriber, topic, token: newToken() } });
    return `${subscriber} no longer follows ${topic}.`;
  }, onClose);
}

export function remove({ subscriber, subscriptions, ...rest }) {
  const token = newToken(); // the same in each try
  ask("remove", { ...forgotten(subscriber, rest), subscriptions: plural(subscriptions.length, "subscription") }, async (form) => {
    await call("DELETE", "register", { body: { subscriber, token, ...(form.has("force") && { force: true }) } });
    location.hash = to(["subscribers"]);
    return `${subscriber} was removed.`;
  });
}
