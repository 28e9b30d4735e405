// The form that publishes an event. Its data goes out as it was typed: it is checked, and never made anew.
import { useState } from "preact/hooks";
import { call, newId } from "./api.js";
import { written } from "./exact.js";
import { clock } from "./format.js";
import { useAction, useReading } from "./reading.js";
import { to } from "./router.js";
import { Snippets } from "./snippets.js";
import { kept, use } from "./store.js";
import { readTopics } from "./topics.js";
import { Field, html, ProblemLine, Select, Title } from "./view.js";

const IN_ADDRESS = 8000; // characters of data in an address; more is handed over in `large`
const REMEMBERED = 4000, TOPICS = 20;
const last = kept(sessionStorage, "published", {}); // by topic: what the form had when it was sent last
let large = null;

const FIELDS = ["topic", "publisher", "type", "subject", "extensions", "delay", "format", "data"];
const BLANK = { topic: "", publisher: "console", type: "event", subject: "", extensions: "", delay: "", format: "json", data: "" };
const SET_BY_SERVICE = ["specversion", "id", "type", "subject", "data", "data_base64", "time", "source", "datacontenttype", "topic", "sequence", "recordedtime",
  "attempt", "duetime", "originalid", "originalsource", "originaltopic", "reason", "attempts", "redriveof", "redrivefor", "traceparent", "tracestate"];

// A form with the values of an event: its address, and what to call when it is followed.
export function draftOf(event) {
  const extensions = Object.entries(event).filter(([name]) => !SET_BY_SERVICE.includes(name)).map(([name, value]) => `${name}=${written(value)}`).join("\n");
  const draft = { topic: event.originaltopic ?? event.topic, type: written(event.type), subject: written(event.subject ?? ""), extensions,
    data: "data" in event ? JSON.stringify(event.data, null, 2) : "" };
  const { data, ...rest } = draft;
  const fits = data.length <= IN_ADDRESS;
  return { address: to(["publish"], fits ? draft : rest), keep: () => { large = fits ? null : data; } };
}

function valuesOf(query) {
  const values = { ...BLANK, ...last.get()[query.get("topic")] };
  for (const each of FIELDS) if (query.has(each)) values[each] = query.get(each);
  if (large !== null) values.data = large;
  large = null;
  return values;
}

// The faults of a form, or the request's event as JSON.
function eventOf({ type, subject, extensions, format, data }, id) {
  const members = { specversion: "1.0", id, type };
  if (subject) members.subject = subject;
  for (const line of extensions.split("\n").filter((each) => each.trim())) {
    const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(line) ?? [];
    if (!name) throw new Error(`Expected name=value in each line of the attributes, got ${line}`);
    members[name] = value.trim();
  }
  const typed = format === "text" ? JSON.stringify(data) : data.trim();
  return `${JSON.stringify(members).slice(0, -1)}${typed ? `,"data":${typed}` : ""}}`;
}

const bodyOf = (values, event) => `{"topic":${JSON.stringify(values.topic)},"publisher":${JSON.stringify(values.publisher)}${
  values.delay ? `,"delay_s":${Number(values.delay)}` : ""},"events":[${event}]}`;

function dataFault({ format, data }) {
  if (format === "text" || !data.trim()) return "";
  try {
    JSON.parse(data);
    return "";
  } catch (error) {
    return error.message;
  }
}

function snippetOf(values, fault) {
  try {
    return fault ? null : bodyOf(values, eventOf(values, newId()));
  } catch {
    return null; // an attribute is only half typed
  }
}

export function PublishPanel({ query }) {
  const [values, setValues] = useState(() => valuesOf(query));
  const [receipt, setReceipt] = useState(null);
  const [topics] = useReading(readTopics, []);
  const fault = dataFault(values);
  const { busy, problem, begin } = useAction(async () => {
    const { events: [stored] } = await call("POST", "publish", { body: bodyOf(values, eventOf(values, newId())) });
    setReceipt({ ...stored, topic: values.topic });
    const { [values.topic]: _, ...others } = last.get();
    last.set(Object.fromEntries([...Object.entries(others).slice(1 - TOPICS), [values.topic, { ...values, data: values.data.length <= REMEMBERED ? values.data : "" }]]));
  });
  const set = (name) => (event) => {
    const value = event.target.value;
    setValues(name === "topic" && last.get()[value] ? { ...last.get()[value], topic: value } : { ...values, [name]: value });
  };
  const text = (name, rest) => html`<input name=${name} value=${values[name]} onInput=${set(name)} ...${rest} />`;
  return html`<${Title} text="Publish" />
    <div class="columns"><form class="sheet" onSubmit=${(event) => { event.preventDefault(); begin(); }}>
      <${Field} label="Topic">${text("topic", { required: true, list: "topics", autocomplete: "off" })}<//>
      <datalist id="topics">${topics?.map((each) => html`<option value=${each.topic} />`)}</datalist>
      <${Field} label="Type">${text("type", { required: true })}<//>
      <${Field} label="Publisher">${text("publisher", { required: true })}<//>
      <${Field} label="Subject">${text("subject")}<//>
      <${Field} label="Delay, seconds">${text("delay", { type: "number", min: 0, max: 86400, step: "any" })}<//>
      <${Field} label="Data are"><${Select} options=${[["json", "JSON"], ["text", "text"]]} value=${values.format} onPick=${(format) => setValues({ ...values, format })} /><//>
      <${Field} label="Further attributes" hint="name=value, one a line"><textarea rows="2" spellcheck=${false} value=${values.extensions} onInput=${set("extensions")} /><//>
      <${Field} label="Data"><textarea name="data" rows="10" spellcheck=${false} aria-invalid=${Boolean(fault)} aria-describedby="fault" value=${values.data} onInput=${set("data")} /><//>
      <p id="fault" class=${fault ? "problem" : "quiet"}>${fault || (values.format === "json" ? "Sent as typed: numbers and spaces stay." : "Sent as a string.")}</p>
      <${ProblemLine} problem=${problem} />
      <div class="buttons"><button class="main" disabled=${busy || Boolean(fault)}>Publish</button></div>
      <p role="status">${receipt && html`Stored as <code>${receipt.sequence}</code> at ${clock(receipt.recordedtime)}. <a href=${to(["tail"], { topic: receipt.topic, start: "last" })}>See it</a>`}</p>
    </form>
    <${Snippets} values=${values} body=${snippetOf(values, fault)} /></div>`;
}
