// What the programs' calls cost, and the console's own, by the emulator's meter.
import { call, spent } from "./api.js";
import { clock, count, money } from "./format.js";
import { useReading } from "./reading.js";
import { prices, use } from "./store.js";
import { Badge, Empty, Field, html, Table, Tiles, Title } from "./view.js";

const COLUMNS = [["Function"], ["Calls", "number"], ["Errors", "number wide"], ["Reads", "number"], ["Writes", "number"], ["Deletes", "number wide"],
  ["ms a call", "number wide"], ["Dollars", "number"]];
let isMissing = false; // a service in the cloud has no meter: it is asked once

async function readMeter(signal) {
  try { if (!isMissing) return await call("GET", "meter", { signal }); } catch (problem) { if (problem.status !== 404) throw problem; }
  isMissing = true;
  return null;
}

export function CostPanel() {
  const [meter] = useReading(readMeter, []), own = use(spent), price = use(prices);
  const sumOf = (kind) => Object.values(meter?.calls ?? {}).reduce((sum, each) => sum + each[kind], 0);
  const total = Object.fromEntries(["calls", "reads", "writes", "deletes"].map((kind) => [kind, sumOf(kind)]));
  const tiles = (sum) => [...["Calls", "Reads", "Writes", "Deletes"].map((kind) => [kind, count(sum[kind.toLowerCase()])]), ["In Firestore", money(sum)]];
  return html`<${Title} text="Cost">${meter && html`<p>since ${clock(meter.since)}</p>`}<//>
    ${meter && html`<h2>Programs</h2><${Tiles} tiles=${tiles(total)} />
      ${total.calls ? html`<${Table} caption="By function" columns=${COLUMNS} rows=${Object.entries(meter.calls).map(functionRow)} />`
        : html`<${Empty} text="No program has called yet." commands=${["pubsub ls", `pubsub publish orders '{"number": 17}'`]} />`}`}
    ${meter === null && html`<p class="quiet">This service has no meter of what programs do: that is in its logs. The console counts its own calls.</p>`}
    <h2>This console</h2><${Tiles} tiles=${tiles(own)} />
    <h2>Prices</h2><div class="bar">${Object.keys(price).map((kind) => html`
      <${Field} label=${`$ a million ${kind}`}><input type="number" min="0" step="any" value=${price[kind]}
        onChange=${(event) => prices.set({ ...price, [kind]: Number(event.target.value) })} /><//>`)}</div>
    ${meter?.recent.length > 0 && html`<h2>Last calls of programs</h2><${Table} caption="Last calls of programs"
      columns=${[["Time"], ["Call"], ["Status"], ["Reads", "number"], ["Writes", "number"], ["ms", "number wide"], ["Client", "wide"]]}
      rows=${meter.recent.slice(0, 50).map(callRow)} />`}`;
}

const functionRow = ([name, each]) => ({ key: name, cells: [name, count(each.calls), count(each.problems), count(each.reads), count(each.writes),
  count(each.deletes), (each.ms / each.calls).toFixed(1), money(each)] });

const callRow = (each, index) => ({ key: index, alarm: each.status >= 400, cells: [clock(each.time), `${each.method} ${each.function}`,
  each.status >= 400 ? html`<${Badge} kind="bad">${each.status} ${each.code}<//>` : each.status, count(each.reads), count(each.writes), each.ms.toFixed(1), each.client] });
