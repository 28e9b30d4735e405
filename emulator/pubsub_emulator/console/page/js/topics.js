// All topics, how fast they grow, and what they keep.
import { states } from "./api.js";
import { ago, count, duration, rate } from "./format.js";
import { useReading } from "./reading.js";
import { to } from "./router.js";
import { Badge, html, Table, Title } from "./view.js";

const COLUMNS = [["Topic"], ["Events/s", "number"], ["Trend", "wide"], ["Kept", "number"], ["Ever", "number wide"],
  ["Newest", "number"], ["Partitions", "number wide"], ["Retention", "number wide"], ["Actions", "links wide"]];
const POINTS = 41, seen = new Map(); // by topic: [seconds, events ever] of the newest reads

export async function readTopics(signal) {
  const topics = await states("topic", signal), now = performance.now() / 1000;
  for (const topic of topics) {
    topic.ever = (topic.logs ?? []).reduce((sum, log) => sum + Number(log.next.split("-")[1]), 0);
    topic.newest = (topic.logs ?? []).map((log) => log.newest ?? "").sort().at(-1);
    const points = seen.get(topic.topic) ?? [];
    if (points.at(-1)?.[1] > topic.ever) points.length = 0; // another topic of this name
    seen.set(topic.topic, [...points, [now, topic.ever]].slice(-POINTS));
  }
  return topics;
}

// Events per second between the newest reads.
function rates(name) {
  const points = seen.get(name);
  return points.slice(1).map(([at, ever], index) => (ever - points[index][1]) / Math.max(0.001, at - points[index][0]));
}

function Sparkline({ values }) {
  const most = Math.max(1, ...values);
  const points = values.map((value, index) => `${84 - 2 * (values.length - 1 - index)},${19 - (17 * value) / most}`);
  return html`<svg class="sparkline" viewBox="0 0 84 20" width="84" height="20" aria-hidden="true">
    <path d="M2 19.5H84" /><polyline points=${points.join(" ")} /></svg>`;
}

export function TopicsPanel() {
  const [topics] = useReading(readTopics, []);
  return html`<${Title} text="Topics" items=${topics} />
    <${Table} caption="Topics" columns=${COLUMNS} rows=${topics?.map(row)}
      none=${html`No topics yet. <a href=${to(["publish"])}>Publish an event</a>: that makes its topic.`}
      commands=${[`pubsub publish orders '{"number": 17}'`, "pubsub create topic orders"]} />`;
}

function row({ topic, logs, ...state }) {
  const speeds = rates(topic), tail = to(["tail"], { topic });
  return { key: topic, cells: [
    html`<a href=${tail}>${topic}</a>${state.dead_letter && html` <${Badge} kind="warn">dead letters<//>`}`,
    speeds.length ? rate(speeds.at(-1)) : "–", html`<${Sparkline} values=${speeds} />`,
    logs ? count(state.events) : "–", logs ? count(state.ever) : "–", ago(state.newest), state.partitions, duration(state.retention_s),
    html`<a href=${tail} aria-label=${`Tail ${topic}`}>Tail</a>${" "}
      <a href=${to(["publish"], { topic })} aria-label=${`Publish to ${topic}`}>Publish</a>`,
  ] };
}
