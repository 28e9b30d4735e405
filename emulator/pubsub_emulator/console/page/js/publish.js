// The form that publishes an event, and the same for programs and terminals. Its data goes out as it was typed: it is checked, and
// never made anew.
import { call, newId } from "./api.js";
import { clock, written } from "./format.js";
import { useReading } from "./reading.js";
import { kept, to } from "./store.js";
import { readTopics } from "./topics.js";
import { Code, Field, Form, html, Select, Title, useState } from "./view.js";

const IN_ADDRESS = 8000; // characters of data in an address; more is handed over in `large`
const REMEMBERED = 4000, TOPICS = 20; // characters of data, and topics, that the form remembers
const BLANK = { topic: "", publisher: "console", type: "event", subject: "", extensions: "", delay: "", format: "json", data: "" };
const NOT_ASKED = new Set(`specversion id type subject data data_base64 time source datacontenttype topic sequence recordedtime attempt
  duetime originalid originalsource originaltopic reason attempts redriveof redrivefor`.split(/\s+/));
const last = kept(sessionStorage, "published", {}); // by topic: what the form had when it was sent last
let large = null;

// A form with the values of an event: its address, and what to call when it is followed.
export function draftOf(event) {
  const extensions = Object.entries(event).filter(([name]) => !NOT_ASKED.has(name)).map(([name, value]) => `${name}=${written(value)}`);
  const data = "data" in event ? JSON.stringify(event.data, null, 2) : "", fits = data.length <= IN_ADDRESS;
  const draft = { topic: event.originaltopic ?? event.topic, type: written(event.type), subject: event.subject && written(event.subject) };
  const address = to(["publish"], { ...draft, extensions: extensions.join("\n") || null, data: fits ? data : null });
  return { address, keep: () => { large = fits ? null : data; } };
}

function valuesOf(query) {
  const values = { ...BLANK, ...last.get()[query.get("topic")], ...Object.fromEntries(query), ...(large !== null && { data: large }) };
  large = null;
  return values;
}

function remember(values) {
  const { [values.topic]: _, ...others } = last.get(), data = values.data.length <= REMEMBERED ? values.data : "";
  last.set(Object.fromEntries([...Object.entries(others).slice(1 - TOPICS), [values.topic, { ...values, data }]]));
}

// The attributes of a form, which has one a line.
const extensionsOf = (text) => Object.fromEntries(text.split("\n").filter((line) => line.trim()).map((line) => {
  const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(line) ?? [];
  if (!name) throw new Error(`Expected name=value in each line of the attributes, got ${line}`);
  return [name, value.trim()];
}));

// The body of the request, as JSON.
function bodyOf({ topic, publisher, type, subject, extensions, delay, format, data }, id) {
  const event = { specversion: "1.0", id, source: `/publishers/${publisher}`, type, ...extensionsOf(extensions) };
  if (subject) event.subject = subject;
  const typed = format === "text" ? JSON.stringify(data) : data.trim(), withData = typed ? `,"data":${typed}` : "";
  const head = JSON.stringify({ topic, publisher, ...(delay && { delay_s: Number(delay) }) });
  return `${head.slice(0, -1)},"events":[${JSON.stringify(event).slice(0, -1)}${withData}}]}`;
}

function faultOf({ format, data }) {
  try { if (format === "json" && data.trim()) JSON.parse(data); } catch (error) { return error.message; }
}

export function PublishPanel({ query }) {
  const [values, setValues] = useState(() => valuesOf(query)), [receipt, setReceipt] = useState(null);
  const [id, setId] = useState(newId); // the same in each try of one event: it is stored once
  const topics = useReading(readTopics, []), fault = faultOf(values);
  const publish = async () => {
    const { events: [stored] } = await call("POST", "publish", { body: bodyOf(values, id) });
    setReceipt({ ...stored, topic: values.topic });
    setId(newId());
    remember(values);
  };
  const change = ({ target: { name, value } }) => setValues({ ...values, ...(name === "topic" && last.get()[value]), [name]: value });
  const text = (name, rest) => html`<input name=${name} value=${values[name]} ...${rest} />`;
  const area = (name, rest) => html`<textarea name=${name} spellcheck=${false} value=${values[name]} ...${rest} />`;
  return html`<${Title} text="Publish" />
    <div class="columns"><${Form} class="sheet" verb="Publish" work=${publish} disabled=${Boolean(fault)} onInput=${change}>
      <${Field} label="Topic">${text("topic", { required: true, list: "topics", autocomplete: "off" })}<//>
      <${Field} label="Type">${text("type", { required: true })}<//>
      <${Field} label="Publisher">${text("publisher", { required: true })}<//>
      <${Field} label="Subject">${text("subject")}<//>
      <${Field} label="Delay, seconds">${text("delay", { type: "number", min: 0, max: 86400, step: "any" })}<//>
      <${Field} label="Data are"><${Select} name="format" options=${[["json", "JSON"], ["text", "text"]]} value=${values.format} /><//>
      <${Field} label="Further attributes" hint="name=value, one a line">${area("extensions", { rows: 2 })}<//>
      <${Field} label="Data">${area("data", { rows: 10, "aria-invalid": Boolean(fault), "aria-describedby": "fault" })}<//>
      <p id="fault" class=${fault ? "problem" : "quiet"}>
        ${fault || (values.format === "json" ? "Sent as typed: numbers and spaces stay." : "Sent as a string.")}</p>
      <datalist id="topics">${topics?.map((each) => html`<option value=${each.topic} />`)}</datalist>
      <p role="status">${receipt && html`Stored as <code>${receipt.sequence}</code> at ${clock(receipt.recordedtime)}.
        ${" "}<a href=${to(["tail"], { topic: receipt.topic, start: "last" })}>See it</a>`}</p>
    <//><${Snippets} values=${values} fault=${fault} id=${id} /></div>`;
}

const MOST = 20000; // characters of data in a snippet
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`; // quoted for a POSIX shell
const python = JSON.stringify; // what JSON escapes in a string, Python reads in the same way

// What the form would send, as [where, how].
function snippetsOf(values, body) {
  const { topic, publisher, type, subject, delay, format, data } = values, attributes = extensionsOf(values.extensions);
  const url = new URL("publish", location.href.split("#")[0]).href, isText = format === "text", json = data.trim() || "null";
  const event = [python(topic), isText ? python(data) : `json.loads(${python(json)})`, `type=${python(type)}`];
  if (subject) event.push(`subject=${python(subject)}`);
  if (values.extensions.trim()) event.push(`attributes=${python(attributes)}`);
  const pairs = Object.entries(attributes).map((pair) => ["attribute", pair.join("=")]);
  const options = [["publisher", publisher], ["type", type], ["subject", subject], ["delay", delay && `${delay}s`], ...pairs];
  const given = options.filter(([, value]) => value).map(([name, value]) => `--${name} ${shell(value)} `).join("");
  return [
    ["curl", `curl ${shell(url)} -H 'Content-Type: application/json' \\\n  -d ${shell(body)}`],
    ["Python", `import json\n\nfrom pubsubclient import Event, Publisher\n
publisher = Publisher(${python(publisher)})
publisher.publish(Event(${event.join(", ")})${delay ? `, delay=${Number(delay)}` : ""})`],
    ["Command", `pubsub publish ${given}${isText ? `--text ${shell(topic)} ${shell(data)}` : `${shell(topic)} ${shell(json)}`}`],
  ];
}

function Snippets({ values, fault, id }) {
  const isLong = values.data.length > MOST;
  let found = [];
  try { if (values.topic && !fault && !isLong) found = snippetsOf(values, bodyOf(values, id)); } catch { /* an attribute is half typed */ }
  return html`<section class="snippets" aria-label="The same elsewhere"><h2>The same elsewhere</h2>
    ${!found.length && html`<p class="quiet">${isLong ? "Too long to be shown." : "Name a topic, and mend what is wrong."}</p>`}
    ${found.map(([name, text]) => html`<h3>${name}</h3><${Code} label=${name} text=${text} />`)}</section>`;
}
