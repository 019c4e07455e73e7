// Entering grades by keyboard; without it the form works all the same.
"use strict";

const form = document.getElementById("gradebook");
const unsaved = document.getElementById("unsaved");
let isSending = false;

function rows() {
  return [...form.querySelectorAll("tbody tr")].filter((row) => row.querySelector("td.cell"));
}

// The cell so many rows and columns away, or none.
function beside(input, down, right) {
  const all = rows();
  const cell = input.closest("td");
  const row = all[all.indexOf(cell.parentElement) + down];
  const other = row && row.cells[cell.cellIndex + right];
  return other ? other.querySelector(":scope > input") : null;
}

function go(input, down, right) {
  const other = beside(input, down, right);
  if (other) other.focus();
  return Boolean(other);
}

// Left and right leave a cell only where the caret cannot move any further in it.
function isAt(input, end) {
  const all = input.selectionStart === 0 && input.selectionEnd === input.value.length;
  return all || (input.selectionStart === input.selectionEnd && input.selectionStart === end);
}

// What stands in a cell's record: a save that did not go through leaves what was typed in it.
function shownIn(input) {
  return input.dataset.shown ?? input.defaultValue;
}

function tell() {
  const inputs = [...form.querySelectorAll("td.cell > input")];
  const count = inputs.filter((input) => {
    const isTyped = input.value !== shownIn(input);
    input.classList.toggle("typed", isTyped);
    return isTyped;
  }).length;
  unsaved.textContent = count ? unsaved.dataset.unsavedText.replace("#", count) : "";
  return count;
}

function pressed(event) {
  const input = event.target;
  if (!input.matches("td.cell > input") || event.isComposing || event.altKey) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return; // saves
  if (event.ctrlKey || event.metaKey) return;
  const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [event.shiftKey ? -1 : 1, 0] };
  if (event.key === "ArrowLeft" && isAt(input, 0)) ways.ArrowLeft = [0, -1];
  if (event.key === "ArrowRight" && isAt(input, input.value.length)) ways.ArrowRight = [0, 1];
  if (event.key === "Escape") {
    input.value = shownIn(input);
    input.select();
    tell();
  } else if (ways[event.key] && !(event.shiftKey && event.key !== "Enter")) {
    event.preventDefault();
    go(input, ...ways[event.key]);
  }
}

if (form) {
  form.addEventListener("keydown", pressed);
  form.addEventListener("input", tell);
  form.addEventListener("focusin", (event) => {
    if (event.target.matches("td.cell > input")) event.target.select();
  });
  form.addEventListener("submit", () => { isSending = true; });
  window.addEventListener("pageshow", () => { isSending = false; tell(); });
  window.addEventListener("beforeunload", (event) => {
    if (!isSending && tell()) event.preventDefault();
  });
  // What is wrong is where one goes on.
  const wrong = form.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
}

// A file that is too large is said so before it is sent.
for (const file of document.querySelectorAll("input[data-max-bytes]")) {
  file.addEventListener("change", () => {
    const isTooLarge = [...file.files].some((f) => f.size > Number(file.dataset.maxBytes));
    file.setCustomValidity(isTooLarge ? file.dataset.tooLarge : "");
    file.reportValidity();
  });
}
