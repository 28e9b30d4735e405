// What the form would send, for programs and terminals.
import { Code, html } from "./view.js";

const MOST = 20000; // characters of data in a snippet

// The attributes of a form, which has one a line.
export const extensionsOf = (text) => Object.fromEntries(text.split("\n").filter((line) => line.trim()).map((line) => {
  const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(line) ?? [];
  if (!name) throw new Error(`Expected name=value in each line of the attributes, got ${line}`);
  return [name, value.trim()];
}));

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`; // quoted for a POSIX shell
const python = JSON.stringify; // what JSON escapes in a string, Python reads in the same way

function asCurl(body) {
  const url = new URL("publish", location.href.split("#")[0]).href;
  return `curl ${shell(url)} -H 'Content-Type: application/json' \\\n  -d ${shell(body)}`;
}

function asCommand({ topic, publisher, type, subject, extensions, delay, format, data }) {
  const attributes = Object.entries(extensionsOf(extensions)).map((pair) => ["attribute", pair.join("=")]);
  const options = [["publisher", publisher], ["type", type], ["subject", subject], ["delay", delay && `${delay}s`], ...attributes];
  const given = options.filter(([, value]) => value).map(([name, value]) => `--${name} ${shell(value)}`);
  const typed = format === "text" ? `--text ${shell(topic)} ${shell(data)}` : `${shell(topic)} ${shell(data.trim() || "null")}`;
  return ["pubsub publish", ...given, typed].join(" ");
}

function asPython({ topic, publisher, type, subject, extensions, delay, format, data }) {
  const value = format === "text" ? python(data) : `json.loads(${python(data.trim() || "null")})`, attributes = extensionsOf(extensions);
  const event = [python(topic), value, `type=${python(type)}`, ...(subject ? [`subject=${python(subject)}`] : [])];
  if (Object.keys(attributes).length) event.push(`attributes=${python(attributes)}`);
  return `import json\n\nfrom pubsubclient import Event, Publisher\n
publisher = Publisher(${python(publisher)})
publisher.publish(Event(${event.join(", ")})${delay ? `, delay=${Number(delay)}` : ""})`;
}

// None while an attribute is half typed.
function all(values, body) {
  try { return [["curl", asCurl(body())], ["Python", asPython(values)], ["Command", asCommand(values)]]; } catch { return []; }
}

export function Snippets({ values, fault, bodyOf }) {
  const found = values.topic && !fault && values.data.length <= MOST ? all(values, bodyOf) : [];
  return html`<section class="snippets" aria-label="The same elsewhere"><h2>The same elsewhere</h2>
    ${!found.length && html`<p class="quiet">
      ${values.data.length > MOST ? "Too long to be shown." : "Name a topic, and mend what is wrong."}</p>`}
    ${found.map(([name, text]) => html`<h3>${name}</h3><${Code} label=${name} text=${text} />`)}</section>`;
}
