// The list of versions, where the site is one of several folders with a versions.json beside them.
const choice = document.querySelector(".versions select");
const home = new URL(document.documentElement.dataset.content_root || "./", location.href);

fetch(new URL("../versions.json", home))
  .then((response) => (response.ok ? response.json() : []))
  .catch(() => [])
  .then((versions) => {
    if (!versions.length) return;
    const current = home.pathname.split("/").at(-2);
    choice.append(...versions.map((name) => new Option(name, name, false, name === current)));
    choice.addEventListener("change", () => location.assign(new URL(`../${choice.value}/`, home)));
    choice.parentElement.hidden = false;
  });
