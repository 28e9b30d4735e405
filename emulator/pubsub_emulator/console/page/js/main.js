// The panel that the address names, what fails now, and what looking has cost.
import { render } from "preact";
import { identity, spent } from "./api.js";
import { CostPanel } from "./cost.js";
import { DeadPanel } from "./dead.js";
import { HoldersPanel } from "./explain.js";
import { count, isExact, money, plural } from "./format.js";
import { PublishPanel } from "./publish.js";
import { faults, nudge } from "./reading.js";
import { become, refresh, route, said, theme, to, unescaped, watch } from "./store.js";
import { SubscriberPanel, SubscribersPanel } from "./subscribers.js";
import { TailPanel } from "./tail.js";
import { TopicsPanel } from "./topics.js";
import { ask, Empty, html, problemLine, Title, useEffect, useState } from "./view.js";

const PANELS = {
  topics: TopicsPanel, tail: TailPanel, subscribers: SubscribersPanel, dead: DeadPanel, publish: PublishPanel, cost: CostPanel,
};
const find = (selector) => document.querySelector(selector);

function Panel({ path: [name, item], query }) {
  if (name === "subscribers" && item) return html`<${SubscriberPanel} key=${item} name=${item} query=${query} />`;
  if (name === "subscribers" && query.has("event")) return html`<${HoldersPanel} query=${query} />`;
  if (!Object.hasOwn(PANELS, name)) return html`<${Title} text="Not found" /><${Empty} none="The console has no such page." />`;
  return html`<${PANELS[name]} key=${name === "publish" ? `${query}` : name} query=${query} />`;
}

const identify = () => ask("identify", {}, async (form) => {
  identity.set(form.get("token").trim());
  return identity.get() ? "The token is used." : "No token is used.";
});

// Each failure once, for as long as it lasts.
function Faults() {
  const problems = [...new Map([...faults.get().values()].map((each) => [problemLine(each), each.status]))];
  const offer = html` <button type="button" onClick=${identify}>Use a token</button>`;
  return html`<div role="alert" class="faults">${problems.map(([text, status]) =>
    html`<p class="problem">${text}${(status === 401 || status === 403) && offer}</p>`)}</div>`;
}

function App() {
  const [, again] = useState(0);
  useEffect(() => watch(() => again((count) => count + 1)), []);
  const { path: [name, ...rest], query } = route.get(), current = name || "topics", cost = spent.get();
  find("#token").textContent = identity.get() ? "Token set" : "Token…";
  document.documentElement.style.colorScheme = theme.get();
  useEffect(() => {
    said.set("");
    for (const link of document.querySelectorAll("nav a")) link.ariaCurrent = link.hash === to([current]) ? "page" : null;
  }, [current]);
  return html`<${Faults} />
    <main id="main"><${Panel} path=${[current, ...rest]} query=${query} /></main>
    <footer>
      <p>This console has read ${plural(cost.reads, "document")} and written ${count(cost.writes)} in ${plural(cost.calls, "call")}:
        ${" "}${money(cost)} in Firestore.</p>
      ${!isExact && html`<p>This browser rounds large numbers. Newer ones show them as they were published.</p>`}
      <p role="status">${said.get()}</p>
    </footer>`;
}

// `#token=…` in the address is read once, and removed before anything else.
const [, given] = /^#token=(.+)$/.exec(location.hash) ?? [];
if (given) { identity.set(unescaped(given)); become(["topics"]); }
for (const [name, setting] of Object.entries({ refresh, theme })) {
  const select = find(`[name=${name}]`);
  select.value = setting.get();
  select.addEventListener("change", () => setting.set(select.value));
}
find(".host").textContent = location.host;
find("#read").addEventListener("click", nudge);
find("#token").addEventListener("click", identify);
find(".skip").addEventListener("click", (event) => { event.preventDefault(); find("h1").focus(); });
render(html`<${App} />`, find("#view"));
