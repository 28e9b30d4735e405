// What Firestore bills for a month of events: the same counts as the service's own, and the same prices as the benchmarks'.
const DOLLARS = { reads: 0.03e-5, writes: 0.09e-5, deletes: 0.01e-5 };

/** Operations of so many events, published and fetched in groups, by so many subscribers. */
function operations({ events, batch, fetch, subscribers, kept }) {
  const batches = Math.ceil(events / batch);
  return {
    // each subscriber reads each batch; retention looks at a batch once and deletes it
    reads: batches * (subscribers + (kept ? 0 : 1)),
    // a batch is one write; a call that gets events is one too, which also settles those of the call before
    writes: batches + subscribers * Math.ceil(events / Math.max(fetch, 1)),
    deletes: kept ? 0 : batches,
  };
}

function dollars(counted) {
  return Object.entries(counted).reduce((sum, [kind, count]) => sum + DOLLARS[kind] * count, 0);
}

const form = document.querySelector("form.costs");

function show() {
  const values = Object.fromEntries(new FormData(form));
  const number = (name) => Math.max(1, Number(values[name]) || 1);
  const counted = operations({
    events: number("events"),
    batch: number("batch"),
    fetch: number("fetch"),
    subscribers: number("subscribers"),
    kept: "kept" in values,
  });
  for (const [kind, count] of Object.entries(counted)) {
    form.querySelector(`[name=${kind}]`).value = count.toLocaleString("en");
  }
  form.querySelector("[name=dollars]").value = `$${dollars(counted).toFixed(4)}`;
}

form?.addEventListener("input", show);
if (form) show();
