// The page: header, what fails now, the panel that the address names, and what looking has cost.
import { render } from "preact";
import { identity, spent } from "./api.js";
import { CostPanel } from "./cost.js";
import { DeadPanel } from "./dead.js";
import { isExact } from "./exact.js";
import { count, money, plural } from "./format.js";
import { HoldersPanel } from "./holders.js";
import { PublishPanel } from "./publish.js";
import { faults, nudge } from "./reading.js";
import { become, route, to } from "./router.js";
import { refresh, said, theme, use } from "./store.js";
import { SubscriberPanel } from "./subscriber.js";
import { SubscribersPanel } from "./subscribers.js";
import { TailPanel } from "./tail.js";
import { TopicsPanel } from "./topics.js";
import { Dialog, Empty, Field, html, problemLine, Select, Title, useEffect, useState } from "./view.js";

const PANELS = {
  topics: ["Topics", TopicsPanel], tail: ["Live tail", TailPanel], subscribers: ["Subscribers", SubscribersPanel],
  dead: ["Dead letters", DeadPanel], publish: ["Publish", PublishPanel], cost: ["Cost", CostPanel],
};
const REFRESH = [["2", "every 2 s"], ["10", "every 10 s"], ["60", "every minute"], ["", "never"]];
const THEMES = [["light dark", "auto"], ["light", "light"], ["dark", "dark"]];

function Panel({ path: [name, item], query }) {
  if (name === "subscribers" && item) return html`<${SubscriberPanel} key=${item} name=${item} query=${query} />`;
  if (name === "subscribers" && query.has("event")) return html`<${HoldersPanel} query=${query} />`;
  const [, panel] = PANELS[name || "topics"] ?? [];
  if (!panel) return html`<${Title} text="Not found" /><${Empty} text="The console has no such page." />`;
  return html`<${panel} key=${name === "publish" ? `${query}` : name} query=${query} />`;
}

function Header({ current, onIdentity }) {
  const skip = (event) => { event.preventDefault(); document.querySelector("h1").focus(); };
  const setting = (label, options, watched) => html`<${Select} aria-label=${label} options=${options} value=${use(watched)} onPick=${watched.set} />`;
  return html`<header>
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <a class="mark" href=${to(["topics"])}><img src="console/icon.svg" alt="" width="20" height="20" />pubsub</a>
    <span class="host">${location.host}</span>
    <nav aria-label="Panels">${Object.entries(PANELS).map(([name, [label]]) =>
      html`<a href=${to([name])} aria-current=${name === current ? "page" : undefined}>${label}</a>`)}</nav>
    <div class="settings">
      <button type="button" onClick=${() => nudge.set(nudge.get() + 1)}>Refresh</button>
      ${setting("Refresh", REFRESH, refresh)}${setting("Colours", THEMES, theme)}
      <button type="button" onClick=${onIdentity}>${use(identity) ? "Token set" : "Token…"}</button>
    </div>
  </header>`;
}

// Each failure once, for as long as it lasts.
function Faults({ onIdentity }) {
  const problems = [...new Map([...use(faults).values()].map((each) => [problemLine(each), each.status]))];
  const offer = html` <button type="button" onClick=${onIdentity}>Use a token</button>`;
  return html`<div role="alert" class="faults">${problems.map(([text, status]) =>
    html`<p class="problem">${text}${(status === 401 || status === 403) && offer}</p>`)}</div>`;
}

function IdentityDialog({ onClose }) {
  const set = async (form) => { identity.set(form.get("token").trim()); return identity.get() ? "The token is used." : "No token is used."; };
  return html`<${Dialog} title="Who calls" verb="Use it" work=${set} onClose=${onClose}>
    <p>A service that tells callers apart takes an ID token. <code>pubsub token</code> prints one. This tab keeps it until it is closed.</p>
    <${Field} label="ID token" hint="Empty: the console calls without one.">
      <textarea name="token" rows="4" spellcheck=${false} autocomplete="off" defaultValue=${identity.get()} /><//><//>`;
}

function App() {
  const { path, query } = use(route), colours = use(theme), cost = use(spent);
  const [asking, setAsking] = useState(false), ask = () => setAsking(true);
  useEffect(() => document.documentElement.style.setProperty("color-scheme", colours), [colours]);
  useEffect(() => said.set(""), [path[0]]);
  return html`<${Header} current=${path[0] || "topics"} onIdentity=${ask} /><${Faults} onIdentity=${ask} />
    <main id="main"><${Panel} path=${path} query=${query} /></main>
    <footer>
      <p>This console has read ${plural(cost.reads, "document")} and written ${count(cost.writes)} in ${plural(cost.calls, "call")}: ${money(cost)} in Firestore.</p>
      ${!isExact && html`<p>This browser rounds large numbers. Newer ones show them as they were published.</p>`}
      <p role="status">${use(said)}</p>
    </footer>
    ${asking && html`<${IdentityDialog} onClose=${() => setAsking(false)} />`}`;
}

// `#token=…` in the address is read once, and removed before anything else.
const [, given] = /^#token=(.+)$/.exec(location.hash) ?? [];
if (given) { identity.set(decodeURIComponent(given)); become(["topics"]); }
render(html`<${App} />`, document.body);
