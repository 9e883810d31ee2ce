// @ts-check
// Owns asking a person in the page before something is done: a dialog with one question, and perhaps a line to write in.
// Must not know what is done. Invariant: nothing is done unless the button that says so was pressed; the focus goes back.

import { element } from "./dom.js";

/** @typedef {{title: string, text?: string, action: string, harmful?: boolean, notice?: boolean, label?: string, value?: string, maximum?: number}} Question `notice`: there is nothing to decide; `label`: of a line to write in, which has `value` at first. */

/**
 * @param {Question} question
 * @returns {Promise<string|null>} What was written, "" where there was nothing to write; null when it was dismissed.
 */
export function ask({ title, text, action, harmful = false, notice = false, label, value = "", maximum = 100 }) {
  const line = label === undefined ? null : element("input", { type: "text", value, maxlength: maximum, required: true, autocomplete: "off" });
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "question-title" }, title),
    text ? element("p", { id: "question-text" }, text) : null,
    line && element("label", {}, label, line),
    element(
      "div",
      { class: "answers" },
      notice ? null : element("button", { type: "submit", class: "button", value: "no", formnovalidate: true }, "Cancel"),
      element("button", { type: "submit", class: harmful ? "button harmful" : "button main", value: "yes" }, action),
    ),
  );
  const dialog = element("dialog", { class: "question", "aria-labelledby": "question-title", "aria-describedby": text ? "question-text" : null }, form);
  // Enter in the line is the answer, not the first button.
  line?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(/** @type {HTMLButtonElement} */ (form.querySelector('[value="yes"]')));
  });
  document.body.append(dialog);
  dialog.showModal();
  line?.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? (line?.value.trim() ?? "") : null);
    });
  });
}
