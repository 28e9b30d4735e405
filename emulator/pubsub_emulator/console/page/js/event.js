// One event: a line that opens to all of it.
import { clock, count, visible } from "./format.js";
import { draftOf } from "./publish.js";
import { to } from "./store.js";
import { Copy, html, Time, useState } from "./view.js";

const SHOWN = 20000, LINE = 300; // characters of data that are shown at once, and in a line
const lines = new WeakMap(); // of each event

// The data as text: JSON of one line, or of many.
const dataOf = (event, indent) => "data" in event ? JSON.stringify(event.data, null, indent) : (event.data_base64 ?? "");
const lineOf = (event) => lines.get(event) ?? lines.set(event, visible(dataOf(event).slice(0, LINE))).get(event);

// The children come between the time and the data in the line. `onOpen` is called when the line is opened.
export function EventDetails({ event, children, onOpen }) {
  const [open, setOpen] = useState(false);
  const toggle = ({ target }) => { setOpen(target.open); if (target.open) onOpen?.(); };
  return html`<details class="event" onToggle=${toggle}>
    <summary><${Time} at=${event.recordedtime} text=${clock(event.recordedtime)} />${children}
      <code class="data">${lineOf(event)}</code></summary>
    ${open && html`<${EventBody} event=${event} />`}</details>`;
}

function EventBody({ event }) {
  const [all, setAll] = useState(false);
  const { data, data_base64, ...attributes } = event, text = dataOf(event, 2), like = draftOf(event);
  return html`<div class="body">
    <dl class="attributes">${Object.entries(attributes).map(([name, value]) => html`
      <div><dt>${visible(name)}</dt><dd>${visible(value)}</dd></div>`)}</dl>
    ${text ? html`<pre role="region" aria-label=${"data" in event ? "Data" : "Data in base64"} tabindex="0">
      ${visible(all ? text : text.slice(0, SHOWN))}</pre>` : html`<p class="quiet">No data.</p>`}
    <div class="buttons">
      ${text.length > SHOWN && !all && html`
        <button type="button" onClick=${() => setAll(true)}>Show all ${count(text.length)} characters</button>`}
      <${Copy} label="Copy data" text=${() => text} />
      <${Copy} label="Copy event" text=${() => JSON.stringify(event, null, 2)} />
      <a class="button" href=${like.address} onClick=${like.keep}>Publish one like it</a>
      <a class="button" href=${to(["subscribers"], { topic: event.topic, event: event.sequence })}>Who has it?</a>
    </div></div>`;
}
