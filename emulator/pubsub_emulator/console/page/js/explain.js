// What became of an event, for one subscriber or for all that follow its topic.
import { explain, follows, isPattern, state, states } from "./api.js";
import { clock, inFuture, visible } from "./format.js";
import { useReading } from "./reading.js";
import { to } from "./store.js";
import { Badge, Field, Form, html, Table, Title, useState } from "./view.js";

const at = (time) => `${clock(time)} (${inFuture(time)})`;

const SENTENCES = {
  not_read: () => "was not read yet: it is in the backlog",
  before_start: () => "is older than where the subscription began, or was moved to",
  filtered: ({ clause }) => clause === "redrivefor" ? "was redriven for another subscriber" : `is filtered out by ${clause}`,
  delayed: ({ until }) => `was published with a delay, until ${at(until)}`,
  leased: ({ until, attempt }) => `is with a consumer, as attempt ${attempt}, until ${at(until)}`,
  due: (found) => `failed, and comes again as attempt ${found.attempt} at ${at(found.at)}`,
  dead: ({ reason }) => `failed for the last time${reason ? ` (${visible(reason)})` : ""}, and is about to become a dead letter`,
  dead_lettered: ({ dead_letter_topic }) => `failed for the last time, and is a dead letter in ${dead_letter_topic}`,
  dropped: () => "failed for the last time in a dead-letter topic, and was dropped",
  settled: () => "was delivered and settled",
  trimmed: () => "was deleted by retention",
  unknown_event: () => "is not known: there is no such event in this topic",
};

const sentence = (found) => `It ${SENTENCES[found.state]?.(found) ?? found.state}.`;

export function Why({ state: { subscriber, subscriptions }, query }) {
  const [found, setFound] = useState(null);
  const find = async (form) => {
    const topic = form.get("topic").trim(), event = form.get("event").trim();
    setFound(null);
    setFound(follows(subscriptions, topic) ? sentence(await explain(subscriber, topic, event))
      : `${subscriber} does not subscribe to ${topic}.`);
  };
  const topics = subscriptions.map((each) => each.topic).filter((each) => !isPattern(each));
  return html`<${Form} class="bar" verb="Explain" work=${find}>
      <${Field} label="Topic"><input name="topic" list="followed" required defaultValue=${query.get("topic") ?? topics[0]} /><//>
      <datalist id="followed">${topics.map((each) => html`<option value=${each} />`)}</datalist>
      <${Field} label="Sequence or id"><input name="event" required defaultValue=${query.get("event")} /><//><//>
    <p role="status" class="answer">${found}</p>`;
}

async function readHolders(topic, event, signal) {
  const isDead = (await state("topic", topic, signal)).dead_letter; // patterns leave these out
  const followers = (await states("subscriber", signal)).filter((each) => follows(each.subscriptions, topic, isDead));
  return Promise.all(followers.map((each) => explain(each.subscriber, topic, event, signal)));
}

export function HoldersPanel({ query }) {
  const topic = query.get("topic") ?? "", event = query.get("event");
  const found = useReading((signal) => readHolders(topic, event, signal), [topic, event]);
  const row = (each) => ({ key: each.subscriber, cells: [html`<a href=${to(["subscribers", each.subscriber])}>${each.subscriber}</a>`,
    html`<${Badge}>${each.state.replace("_", " ")}<//>`, sentence(each)] });
  return html`<${Title} text="Who has it?"><p>${topic} <code>${event}</code></p><//>
    <${Table} caption="What became of the event" columns=${[["Subscriber"], ["State"], ["What became of it"]]} rows=${found?.map(row)}
      none="Nobody follows this topic." commands=${[`pubsub subscribe billing ${topic}`]} />`;
}
