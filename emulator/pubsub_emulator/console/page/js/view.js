// The pieces that panels are made of, and the dialogs.
import { h } from "preact";
import { useEffect, useState } from "preact/hooks";
import htm from "htm";
import { count } from "./format.js";
import { nudge } from "./reading.js";
import { said } from "./store.js";

export { useEffect, useState };
export const html = htm.bind(h);

export const focusHeading = () => document.querySelector("h1").focus();

// The panel's heading: the window's title, and where the focus goes after a navigation. `items` are what it counts.
export function Title({ text, items, children }) {
  useEffect(() => {
    if (document.title.endsWith(" – pubsub")) focusHeading(); // the first heading leaves the focus where it is
    document.title = `${text} – pubsub`;
  }, [text]);
  return html`<div class="title"><h1 tabindex="-1">${text}</h1>
    ${items && html`<p>${count(items.length)}${items.more && " of more"}</p>`}${children}</div>`;
}

const shown = (value) => (typeof value === "number" ? count(value) : value);

// A table, or what to see while it has no rows. `columns` are [label, classes]: "number" aligns, "wide" is left out of
// narrow windows. `rows` are {key, cells, alarm}.
export function Table({ caption, columns, rows, ...empty }) {
  if (!rows?.length) return rows && html`<${Empty} ...${empty} />`;
  const cellOf = (cell, at) => at ? html`<td class=${columns[at][1]}>${shown(cell)}</td>` : html`<th scope="row">${cell}</th>`;
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0"><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${columns.map(([label, kind]) => html`<th scope="col" class=${kind}>${label}</th>`)}</tr></thead>
    <tbody>${rows.map(({ key, cells, alarm }) => html`<tr key=${key} class=${alarm && "alarm"}>${cells.map(cellOf)}</tr>`)}</tbody>
  </table></div>`;
}

// What to see where there is nothing yet, with the commands that make something.
export const Empty = ({ none, commands = [] }) => html`<div class="empty">
  <p>${none}</p>${commands.map((command) => html`<${Code} text=${command} label=${`Command ${command}`} />`)}</div>`;

export const Tiles = ({ tiles }) => html`<dl class="tiles">
  ${tiles.map(([label, value, alarm]) => html`<div class=${alarm && "alarm"}><dt>${label}</dt><dd>${shown(value)}</dd></div>`)}</dl>`;

export const Badge = ({ children, kind }) => html`<span class="badge ${kind ?? ""}">${children}</span>`;
export const Time = ({ at, text }) => html`<time datetime=${at} title=${at}>${text}</time>`;

export const Field = ({ label, hint, children }) =>
  html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;

// A `<select>` of [value, label].
export const Select = ({ options, value, ...rest }) => html`<select ...${rest}>
  ${options.map(([each, label]) => html`<option value=${each} selected=${each === value}>${label}</option>`)}</select>`;

export function Copy({ text, label }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text()); } catch { return said.set("The browser does not let this page copy."); }
    setDone(true);
  };
  return html`<button type="button" onClick=${copy} onBlur=${() => setDone(false)}>${done ? "Copied" : label}</button>`;
}

export const Code = ({ text, label }) => html`<div class="code">
  <pre role="region" aria-label=${label} tabindex="0">${text}</pre><${Copy} text=${() => text} label="Copy" /></div>`;

const LEADS = { 401: "Not let in: ", 403: "Not yours: ", 404: "Not there: ", 409: "Conflict: ", 503: "Not available now: " };

// A failure in one line.
export const problemLine = ({ status, code, message }) =>
  `${LEADS[status] ?? ""}${message}${status ? ` (${[status, code].filter(Boolean).join(" ")})` : ""}`;

// What a form does when it is sent: `work(FormData)`. A failure is said in the form, and it may be tried again.
const sends = (work) => async (event) => {
  event.preventDefault();
  const form = event.currentTarget, problems = form.querySelector("[role=alert]");
  if (form.ariaBusy) return;
  form.ariaBusy = "true";
  problems.textContent = "";
  try {
    await work(new FormData(form, event.submitter));
  } catch (problem) {
    problems.textContent = problemLine(problem);
    form.dataset.problem = problem.code ?? "";
  }
  form.ariaBusy = null;
};

export const Form = ({ work, verb, disabled, children, ...rest }) => html`<form onSubmit=${sends(work)} ...${rest}>${children}
  <button class="main" disabled=${disabled}>${verb}</button><p role="alert" class="problem" /></form>`;

// Opens the dialog `name`, a template in the page's HTML, which asks before something is changed. `known` texts are put in where it
// shows them, and are not asked for. `work(FormData)` runs when its form is sent, and returns what was done, in words.
export function ask(name, known, work) {
  const dialog = document.getElementById(name).content.firstElementChild.cloneNode(true), form = dialog.querySelector("form");
  for (const slot of dialog.querySelectorAll("[data-text]")) slot.textContent = known[slot.dataset.text] ?? "";
  for (const field of [...form.elements].filter((each) => known[each.name])) field.closest("label").remove();
  form.addEventListener("submit", sends(async (sent) => {
    said.set(await work(sent));
    dialog.close();
    focusHeading(); // what opened the dialog may be gone now
  }));
  form.querySelector("[type=button]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { dialog.remove(); nudge(); });
  document.body.append(dialog);
  dialog.showModal();
}
