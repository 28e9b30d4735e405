// Asks before something is changed. The dialogs are templates in the page's HTML.
import { said } from "./store.js";
import { problemLine } from "./view.js";

// Opens the dialog `name`. `known` texts are put in where it shows them, and their fields are not asked for.
// `work(FormData)` runs when its form is sent, and returns what was done, in words. A failure is shown, and may be tried again.
export function ask(name, known, work, onClose) {
  const dialog = document.getElementById(name).content.cloneNode(true).querySelector("dialog"), form = dialog.querySelector("form");
  for (const slot of dialog.querySelectorAll("[data-text]")) slot.textContent = known[slot.dataset.text] ?? "";
  for (const field of [...form.elements].filter((each) => known[each.name])) {
    field.value = known[field.name];
    field.closest("label").hidden = true;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    event.submitter.disabled = true;
    try {
      said.set(await work(sent));
      dialog.close();
      document.querySelector("h1").focus(); // what opened the dialog may be gone now
    } catch (problem) {
      dialog.dataset.problem = problem.code;
      form.querySelector(".problem").textContent = problemLine(problem);
    }
    event.submitter.disabled = false;
  });
  form.querySelector("[type=button]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { dialog.remove(); onClose?.(); });
  document.body.append(dialog);
  dialog.showModal();
}
