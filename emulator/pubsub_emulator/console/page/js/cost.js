// What the programs' calls cost, and the console's own, by the emulator's meter.
import { call, spent } from "./api.js";
import { clock, money } from "./format.js";
import { useReading } from "./reading.js";
import { prices } from "./store.js";
import { Badge, Field, html, Table, Tiles, Title } from "./view.js";

const FUNCTIONS = [["Function"], ["Calls", "number"], ["Errors", "number wide"], ["Reads", "number"], ["Writes", "number"],
  ["Deletes", "number wide"], ["ms a call", "number wide"], ["Dollars", "number"]];
const CALLS = [["Time"], ["Call"], ["Status"], ["Reads", "number"], ["Writes", "number"], ["ms", "number wide"], ["Client", "wide"]];
const KINDS = ["calls", "reads", "writes", "deletes"];
let isMissing = false; // a service in the cloud has no meter: it is asked once

async function readMeter(signal) {
  try { if (!isMissing) return await call("GET", "meter", { signal }); } catch (problem) { if (problem.status !== 404) throw problem; }
  isMissing = true;
  return null;
}

function tilesOf(parts) {
  const sum = Object.fromEntries(KINDS.map((kind) => [kind, parts.reduce((total, each) => total + each[kind], 0)]));
  return [...Object.entries(sum), ["In Firestore", money(sum)]];
}

const Programs = ({ meter: { calls, recent } }) => html`
    <h2>Programs</h2><${Tiles} tiles=${tilesOf(Object.values(calls))} />
    <${Table} caption="By function" columns=${FUNCTIONS} rows=${Object.entries(calls).filter(([, each]) => each.calls).map(functionRow)}
      none="No program has called yet." commands=${["pubsub ls", `pubsub publish orders '{"number": 17}'`]} />
    ${recent.length > 0 && html`<h2>Last calls of programs</h2>
      <${Table} caption="Last calls of programs" columns=${CALLS} rows=${recent.slice(0, 50).map(callRow)} />`}`;

export function CostPanel() {
  const meter = useReading(readMeter, []), price = prices.get();
  const set = (kind) => (event) => prices.set({ ...price, [kind]: Number(event.target.value) });
  return html`<${Title} text="Cost">${meter && html`<p>since ${clock(meter.since)}</p>`}<//>
    <h2>This console</h2><${Tiles} tiles=${tilesOf([spent.get()])} />
    <h2>Prices</h2><div class="bar">${Object.keys(price).map((kind) => html`<${Field} label=${`$ a million ${kind}`}>
      <input type="number" min="0" step="any" defaultValue=${price[kind]} onChange=${set(kind)} /><//>`)}</div>
    ${meter && html`<${Programs} meter=${meter} />`}
    ${meter === null && html`<p class="quiet">
      This service has no meter of what programs do: that is in its logs. The console counts its own calls.</p>`}`;
}

const functionRow = ([name, each]) => ({ key: name, cells: [
  name, each.calls, each.problems, each.reads, each.writes, each.deletes, (each.ms / each.calls).toFixed(1), money(each),
] });

function callRow(each, key) {
  const failed = each.status >= 400, status = failed ? html`<${Badge} kind="bad">${each.status} ${each.code}<//>` : each.status;
  const call = `${each.method} ${each.function}`;
  return { key, alarm: failed, cells: [clock(each.time), call, status, each.reads, each.writes, each.ms.toFixed(1), each.client] };
}
