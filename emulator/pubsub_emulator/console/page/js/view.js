// The pieces that panels are made of.
import { h } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import htm from "htm";
import { useAction } from "./reading.js";
import { said } from "./store.js";

export { useEffect, useRef, useState };
export const html = htm.bind(h);

let navigated = false; // the first heading leaves the focus where it is

// The panel's heading: the window's title, and where the focus goes after a navigation.
export function Title({ text, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${text} – pubsub`;
    if (navigated) heading.current.focus();
    navigated = true;
  }, [text]);
  return html`<div class="title"><h1 ref=${heading} tabindex="-1">${text}</h1>${children}</div>`;
}

// `columns` are [label, classes]: "number" aligns, "wide" is left out of narrow windows. `rows` are {key, cells, alarm}.
export function Table({ caption, columns, rows }) {
  const cellOf = (cell, index) => index ? html`<td class=${columns[index][1]}>${cell}</td>` : html`<th scope="row">${cell}</th>`;
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0"><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${columns.map(([label, kind]) => html`<th scope="col" class=${kind}>${label}</th>`)}</tr></thead>
    <tbody>${rows.map(({ key, cells, alarm }) => html`<tr key=${key} class=${alarm && "alarm"}>${cells.map(cellOf)}</tr>`)}</tbody>
  </table></div>`;
}

// What to see where there is nothing yet, with the commands that make something.
export const Empty = ({ text, commands = [] }) => html`<div class="empty">
  <p>${text}</p>${commands.map((command) => html`<${Code} text=${command} label=${`Command ${command}`} />`)}</div>`;

export const Tiles = ({ tiles }) => html`<dl class="tiles">
  ${tiles.map(([label, value, alarm]) => html`<div class=${alarm && "alarm"}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

export const Badge = ({ children, kind }) => html`<span class="badge ${kind ?? ""}">${children}</span>`;

export const Field = ({ label, hint, children }) =>
  html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;

// A `<select>` of [value, label].
export const Select = ({ options, value, onPick, ...rest }) => html`<select onChange=${(event) => onPick(event.target.value)} ...${rest}>
  ${options.map(([each, label]) => html`<option value=${each} selected=${each === value}>${label}</option>`)}</select>`;

export function Copy({ text, label }) {
  const [done, setDone] = useState(false);
  const copy = () => navigator.clipboard.writeText(typeof text === "function" ? text() : text).then(
    () => setDone(true), () => said.set("The browser does not let this page copy."));
  return html`<button type="button" onClick=${copy} onBlur=${() => setDone(false)}>${done ? "Copied" : label}</button>`;
}

export const Code = ({ text, label }) => html`<div class="code">
  <pre role="region" aria-label=${label} tabindex="0">${text}</pre><${Copy} text=${text} label="Copy" /></div>`;

const LEADS = { 401: "Not let in", 403: "Not yours", 404: "Not there", 409: "Conflict", 503: "Not available now" };

// A failure in one line.
export const problemLine = ({ status, code, message }) =>
  `${LEADS[status] ? `${LEADS[status]}: ` : ""}${message}${status ? ` (${[status, code].filter(Boolean).join(" ")})` : ""}`;

export const ProblemLine = ({ problem }) =>
  html`<p role="alert" class=${problem ? "problem" : "unseen"}>${problem && problemLine(problem)}</p>`;

// A dialog that does something: `work(FormData, extra)` runs when its form is sent, and returns what was done, in words.
// `extra` is a second way, [label, value], which is offered once a problem has this code: {code: [label, value]}.
export function Dialog({ title, verb, work, onClose, children, danger, extras = {} }) {
  const dialog = useRef(), form = useRef(), id = useId();
  const { busy, problem, begin } = useAction(work);
  useEffect(() => dialog.current.showModal(), []);
  const send = async (event, value) => {
    event.preventDefault();
    const done = await begin(new FormData(form.current), value);
    if (done !== undefined) { said.set(done); dialog.current?.close(); }
  };
  const extra = extras[problem?.code];
  return html`<dialog ref=${dialog} aria-labelledby=${id} onClose=${onClose}><form ref=${form} onSubmit=${send}>
    <h2 id=${id}>${title}</h2>${children}<${ProblemLine} problem=${problem} />
    <div class="buttons">
      <button type="button" onClick=${() => dialog.current.close()}>Cancel</button>
      ${extra && html`<button type="button" class="danger" onClick=${(event) => send(event, extra[1])}>${extra[0]}</button>`}
      <button class=${danger ? "danger" : "main"} disabled=${busy}>${verb}</button>
    </div></form></dialog>`;
}
