// The page: header, what fails now, the panel that the address names, and what looking has cost.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { identity, spent } from "./api.js";
import { CostPanel } from "./cost.js";
import { DeadPanel } from "./dead.js";
import { isExact } from "./exact.js";
import { count, money, plural } from "./format.js";
import { HoldersPanel } from "./holders.js";
import { PublishPanel } from "./publish.js";
import { faults, nudge } from "./reading.js";
import { route, to } from "./router.js";
import { dollars, prices, refresh, theme } from "./settings.js";
import { use } from "./store.js";
import { SubscriberPanel } from "./subscriber.js";
import { SubscribersPanel } from "./subscribers.js";
import { TailPanel } from "./tail.js";
import { TopicsPanel } from "./topics.js";
import { Dialog, Empty, Field, html, problemLine, said, Select, Title } from "./view.js";

const PANELS = {
  topics: ["Topics", TopicsPanel],
  tail: ["Live tail", TailPanel],
  subscribers: ["Subscribers", SubscribersPanel],
  dead: ["Dead letters", DeadPanel],
  publish: ["Publish", PublishPanel],
  cost: ["Cost", CostPanel],
};
const REFRESH = [["2", "every 2 s"], ["10", "every 10 s"], ["60", "every minute"], ["", "never"]];
const THEMES = [["light dark", "auto"], ["light", "light"], ["dark", "dark"]];

function Panel({ path: [name, item], query }) {
  if (name === "subscribers" && item) return html`<${SubscriberPanel} key=${item} name=${item} query=${query} />`;
  if (name === "subscribers" && query.has("event")) return html`<${HoldersPanel} query=${query} />`;
  const [, panel] = PANELS[name || "topics"] ?? [];
  return panel ? html`<${panel} key=${name === "publish" ? `${query}` : name} query=${query} />`
    : html`<${Title} text="Not found" /><${Empty} text="The console has no such page." />`;
}

function Header({ current, onIdentity }) {
  return html`<header>
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <a class="mark" href=${to(["topics"])}><img src="console/icon.svg" alt="" width="20" height="20" />pubsub</a>
    <span class="host">${location.host}</span>
    <nav aria-label="Panels">${Object.entries(PANELS).map(([name, [label]]) => html`
      <a href=${to([name])} aria-current=${name === current ? "page" : undefined}>${label}</a>`)}</nav>
    <div class="settings">
      <button type="button" onClick=${() => nudge.set(nudge.get() + 1)}>Refresh</button>
      <label><span class="unseen">Refresh</span>
        <${Select} options=${REFRESH} value=${use(refresh)} onPick=${refresh.set} /></label>
      <label><span class="unseen">Colours</span>
        <${Select} options=${THEMES} value=${use(theme)} onPick=${theme.set} /></label>
      <button type="button" onClick=${onIdentity}>${use(identity) ? "Token set" : "Token…"}</button>
    </div>
  </header>`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("h1").focus();
}

// Each failure once, for as long as it lasts.
function Faults({ onIdentity }) {
  const problems = [...new Map([...use(faults).values()].map((each) => [problemLine(each), each]))];
  return html`<div role="alert" class="faults">${problems.map(([text, { status }]) => html`<p class="problem">${text}
    ${(status === 401 || status === 403) && html` <button type="button" onClick=${onIdentity}>Use a token</button>`}</p>`)}
  </div>`;
}

function IdentityDialog({ onClose }) {
  const set = async (form) => {
    identity.set(form.get("token").trim());
    return identity.get() ? "The console uses the token." : "The console uses no token.";
  };
  return html`<${Dialog} title="Who calls" verb="Use it" work=${set} onClose=${onClose}>
    <p>A service that tells callers apart takes an ID token. <code>pubsub token</code> prints one. This tab keeps it until it is closed.</p>
    <${Field} label="ID token" hint="Empty: the console calls without one.">
      <textarea name="token" rows="4" spellcheck=${false} autocomplete="off" defaultValue=${identity.get()} /><//>
  <//>`;
}

function Footer() {
  const cost = use(spent);
  use(prices);
  return html`<footer>
    <p>This console has read ${plural(cost.reads, "document")} and written ${count(cost.writes)} in${" "}
      ${plural(cost.calls, "call")}: ${money(dollars(cost))} in Firestore.</p>
    ${!isExact && html`<p>This browser rounds large numbers. Newer ones show them as they were published.</p>`}
    <p role="status">${use(said)}</p>
  </footer>`;
}

function App() {
  const { path, query } = use(route);
  const [asking, setAsking] = useState(false);
  const colours = use(theme);
  useEffect(() => document.documentElement.style.setProperty("color-scheme", colours), [colours]);
  useEffect(() => said.set(""), [path.join("/")]);
  return html`
    <${Header} current=${path[0] || "topics"} onIdentity=${() => setAsking(true)} />
    <${Faults} onIdentity=${() => setAsking(true)} />
    <main id="main"><${Panel} path=${path} query=${query} /></main>
    <${Footer} />
    ${asking && html`<${IdentityDialog} onClose=${() => setAsking(false)} />`}`;
}

// `#token=…` in the address is read once, and removed before anything else.
const given = /^#token=(.+)$/.exec(location.hash);
if (given) {
  identity.set(decodeURIComponent(given[1]));
  location.replace(to(["topics"]));
}
render(html`<${App} />`, document.body);
