// One event: a line that opens to all of it.
import { useState } from "preact/hooks";
import { visible, written } from "./exact.js";
import { clock, count } from "./format.js";
import { draftOf } from "./publish.js";
import { to } from "./router.js";
import { Copy, html } from "./view.js";

const SHOWN = 20000; // characters of data that are shown at once
const LINE = 300; // characters of data in a line

// The data as text: JSON of one line, or of many.
export const dataOf = (event, indent) =>
  "data" in event ? JSON.stringify(event.data, null, indent) : (event.data_base64 ?? "");

// `title` are the cells of the line, before the data. `onOpen` is called when the line is opened.
export function EventDetails({ event, cells, onOpen, children }) {
  const [open, setOpen] = useState(false);
  const toggle = (toggled) => {
    setOpen(toggled.target.open);
    if (toggled.target.open) onOpen?.();
  };
  return html`<details class="event" onToggle=${toggle}>
    <summary>${cells}<code class="data">${visible(dataOf(event).slice(0, LINE))}</code></summary>
    ${open && html`<${EventBody} event=${event} />${children}`}
  </details>`;
}

function EventBody({ event }) {
  const [all, setAll] = useState(false);
  const { data, data_base64, ...attributes } = event;
  const text = dataOf(event, 2);
  const like = draftOf(event);
  return html`<div class="body">
    <dl class="attributes">${Object.entries(attributes).map(([name, value]) => html`
      <div><dt>${visible(name)}</dt><dd>${name.endsWith("time") && typeof value === "string" && Date.parse(value)
        ? html`<time datetime=${value} title=${clock(value)}>${value}</time>` : visible(written(value))}</dd></div>`)}</dl>
    ${text && html`<pre role="region" aria-label=${data_base64 === undefined || data_base64 === null ? "Data" : "Data in base64"} tabindex="0">${
      visible(all ? text : text.slice(0, SHOWN))}</pre>`}
    ${!text && html`<p class="quiet">No data.</p>`}
    <div class="buttons">
      ${text.length > SHOWN && !all && html`
        <button type="button" onClick=${() => setAll(true)}>Show all ${count(text.length)} characters</button>`}
      <${Copy} label="Copy data" text=${() => text} />
      <${Copy} label="Copy event" text=${() => JSON.stringify(event, null, 2)} />
      <a class="button" href=${like.address} onClick=${like.keep}>Publish one like it</a>
      <a class="button" href=${to(["subscribers"], { topic: event.topic, event: event.sequence })}>Who has it?</a>
    </div>
  </div>`;
}
