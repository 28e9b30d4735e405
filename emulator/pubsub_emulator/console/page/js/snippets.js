// What the form would send, for programs and terminals.
import { Code, html } from "./view.js";

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`; // for a POSIX shell
const python = (text) => JSON.stringify(text); // what JSON escapes in a string, Python reads in the same way

const pairs = (extensions) => extensions.split("\n").filter((line) => line.includes("=")).map((line) => {
  const [name, ...rest] = line.split("=");
  return [name.trim(), rest.join("=").trim()];
});

const asCurl = (body) => `curl ${quoted(new URL("publish", location.href.split("#")[0]).href)} -H 'Content-Type: application/json' \\\n  -d ${quoted(body)}`;

function asCommand({ topic, publisher, type, subject, extensions, delay, format, data }) {
  const options = [["--publisher", publisher], ["--type", type], ["--subject", subject], ["--delay", delay && `${delay}s`],
    ...pairs(extensions).map(([name, value]) => ["--attribute", `${name}=${value}`])].filter(([, value]) => value);
  const typed = format === "text" || data.trim() ? [quoted(data)] : ["null"];
  return ["pubsub publish", ...options.map(([name, value]) => `${name} ${quoted(value)}`), ...(format === "text" ? ["--text"] : []), quoted(topic), ...typed].join(" ");
}

function asPython({ topic, publisher, type, subject, extensions, delay, format, data }) {
  const value = format === "text" ? python(data) : data.trim() ? `json.loads(${python(data.trim())})` : "None";
  const named = [`type=${python(type)}`, subject && `subject=${python(subject)}`,
    pairs(extensions).length && `attributes=${JSON.stringify(Object.fromEntries(pairs(extensions)))}`].filter(Boolean);
  return `import json

from pubsubclient import Event, Publisher

publisher = Publisher(${python(publisher)})
publisher.publish(Event(${python(topic)}, ${[value, ...named].join(", ")})${delay ? `, delay=${Number(delay)}` : ""})`;
}

const MOST = 20000; // characters of data in a snippet

export function Snippets({ values, body }) {
  const ready = body && values.data.length <= MOST && values.topic;
  return html`<section class="snippets" aria-label="The same elsewhere"><h2>The same elsewhere</h2>
    ${!ready && html`<p class="quiet">${values.data.length > MOST ? "Too long to be shown." : "Name a topic, and mend the data."}</p>`}
    ${ready && html`<h3>curl</h3><${Code} label="curl" text=${asCurl(body)} />
      <h3>Python</h3><${Code} label="Python" text=${asPython(values)} />
      <h3>Command</h3><${Code} label="Command" text=${asCommand(values)} />`}</section>`;
}
