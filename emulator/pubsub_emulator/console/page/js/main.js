import { h, render } from "preact";
import { useState } from "preact/hooks";
import htm from "htm";

const html = htm.bind(h);

function Placeholder() {
  const [clicks, setClicks] = useState(0);
  return html`<main><h1>pubsub console</h1><button onClick=${() => setClicks(clicks + 1)}>${clicks}</button></main>`;
}

render(html`<${Placeholder} />`, document.body);
