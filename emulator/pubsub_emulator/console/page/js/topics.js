// All topics, how fast they grow, and what they keep.
import { states } from "./api.js";
import { ago, duration, rate } from "./format.js";
import { useReading } from "./reading.js";
import { to } from "./store.js";
import { Badge, html, Table, Title } from "./view.js";

const COLUMNS = [["Topic"], ["Events/s", "number"], ["Trend", "wide"], ["Kept", "number"], ["Ever", "number wide"],
  ["Newest", "number"], ["Partitions", "number wide"], ["Retention", "number wide"], ["Actions", "links wide"]];
const RATES = 40, seen = new Map(); // each topic as it was read last, with `rates`: events per second between the newest reads

export async function readTopics(signal) {
  const topics = await states("topic", signal), at = performance.now() / 1000;
  for (const topic of topics) {
    const logs = topic.logs ?? [], before = seen.get(topic.topic);
    const ever = logs.reduce((sum, log) => sum + Number(log.next.split("-")[1]), 0);
    const isSame = before?.ever <= ever; // or it is another topic of this name
    const rates = isSame ? [...before.rates, (ever - before.ever) / Math.max(0.001, at - before.at)].slice(-RATES) : [];
    const newest = logs.map((log) => log.newest ?? "").sort().at(-1);
    seen.set(topic.topic, Object.assign(topic, { at, ever, rates, newest }));
  }
  return topics;
}

function Sparkline({ values }) {
  const most = Math.max(1, ...values);
  const points = values.map((value, index) => `${84 - 2 * (values.length - 1 - index)},${19 - (17 * value) / most}`);
  return html`<svg class="sparkline" viewBox="0 0 84 20" width="84" height="20" aria-hidden="true">
    <path d="M2 19.5H84" /><polyline points=${points.join(" ")} /></svg>`;
}

export function TopicsPanel() {
  const topics = useReading(readTopics, []);
  return html`<${Title} text="Topics" items=${topics} />
    <${Table} caption="Topics" columns=${COLUMNS} rows=${topics?.map(row)}
      none=${html`No topics yet. <a href=${to(["publish"])}>Publish an event</a>: that makes its topic.`}
      commands=${[`pubsub publish orders '{"number": 17}'`, "pubsub create topic orders"]} />`;
}

function row({ topic, logs, rates, ...state }) {
  const tail = to(["tail"], { topic });
  return { key: topic, cells: [
    html`<a href=${tail}>${topic}</a>${state.dead_letter && html` <${Badge} kind="warn">dead letters<//>`}`,
    rates.length ? rate(rates.at(-1)) : "–", html`<${Sparkline} values=${rates} />`,
    logs ? state.events : "–", logs ? state.ever : "–", ago(state.newest), state.partitions, duration(state.retention_s),
    html`<a href=${tail} aria-label=${`Tail ${topic}`}>Tail</a>${" "}
      <a href=${to(["publish"], { topic })} aria-label=${`Publish to ${topic}`}>Publish</a>`,
  ] };
}
