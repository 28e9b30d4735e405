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
import { ask, Empty, focusHeading, html, problemLine, Title, useEffect } from "./view.js";

const PANELS = {
  topics: TopicsPanel, tail: TailPanel, subscribers: SubscribersPanel, dead: DeadPanel, publish: PublishPanel, cost: CostPanel,
};
const find = (selector) => document.querySelector(selector);

function Panel({ path: [name, item], query }) {
  useEffect(() => said.set(""), [name]);
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
  const problems = [...new Map(faults.get().map(({ problem }) => [problemLine(problem), problem.status]))];
  const offer = html` <button type="button" onClick=${identify}>Use a token</button>`;
  return problems.map(([text, status]) => html`<p class="problem">${text}${(status === 401 || status === 403) && offer}</p>`);
}

function show() {
  const { path: [name, ...rest], query } = route.get(), current = name || "topics", cost = spent.get();
  for (const link of document.querySelectorAll("nav a")) link.ariaCurrent = link.hash === to([current]) ? "page" : null;
  document.documentElement.style.colorScheme = theme.get();
  render(identity.get() ? "Token set" : "Token…", find("#token"));
  render(html`<${Faults} />`, find(".faults"));
  render(html`<${Panel} path=${[current, ...rest]} query=${query} />`, find("main"));
  render(`This console has read ${plural(cost.reads, "document")} and written ${count(cost.writes)} in ${plural(cost.calls, "call")}:
    ${money(cost)} in Firestore.`, find("#spent"));
  render(said.get(), find("#said"));
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
find("#rounded").hidden = isExact;
find("#read").addEventListener("click", nudge);
find("#token").addEventListener("click", identify);
find(".skip").addEventListener("click", (event) => { event.preventDefault(); focusHeading(); });
watch(() => queueMicrotask(show));
show();
