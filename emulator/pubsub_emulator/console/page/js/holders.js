// Who has an event: what became of it for each subscriber that follows its topic.
import { explain, state, states } from "./api.js";
import { sentence } from "./explain.js";
import { follows } from "./patterns.js";
import { useReading } from "./reading.js";
import { to } from "./router.js";
import { Badge, Empty, html, Table, Title } from "./view.js";

async function holders(topic, event, signal) {
  const isDead = (await state("topic", topic, signal)).dead_letter; // patterns leave these out
  const followers = (await states("subscriber", signal)).filter((each) => follows(each.subscriptions, topic, isDead));
  return Promise.all(followers.map((each) => explain(each.subscriber, topic, event, signal)));
}

export function HoldersPanel({ query }) {
  const topic = query.get("topic") ?? "", event = query.get("event"), [found] = useReading((signal) => holders(topic, event, signal), [topic, event]);
  return html`<${Title} text="Who has it?"><p>${topic} <code>${event}</code></p><//>
    ${found?.length === 0 && html`<${Empty} text="Nobody follows this topic." commands=${[`pubsub subscribe billing ${topic}`]} />`}
    ${found?.length > 0 && html`<${Table} caption="What became of the event" columns=${[["Subscriber"], ["State"], ["What became of it"]]}
      rows=${found.map((each) => ({ key: each.subscriber, cells: [html`<a href=${to(["subscribers", each.subscriber])}>${each.subscriber}</a>`,
        html`<${Badge}>${each.state.replace("_", " ")}<//>`, sentence(each)] }))} />`}`;
}
