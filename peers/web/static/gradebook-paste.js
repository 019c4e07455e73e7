// Many cells at once: pasted from a spreadsheet, or filled down; saved by Save like what is typed.
"use strict";

const cells = "td.cell > input";
const fill = document.getElementById("fill");
const filled = document.getElementById("filled");
// The cell that one is in, and what stood where before the last paste or fill.
let here = null;
let before = [];

// The rows and columns of what a spreadsheet copied: tabs between, quotes around breaks.
function table(text) {
  const found = [[""]];
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const row = found[found.length - 1];
    const sign = text[at];
    if (isQuoted) {
      if (sign !== '"') row[row.length - 1] += sign;
      else if (text[at + 1] === '"') { row[row.length - 1] += sign; at += 1; }
      else isQuoted = false;
    } else if (sign === '"' && row[row.length - 1] === "") isQuoted = true;
    else if (sign === "\t") row.push("");
    else if (sign === "\n") found.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  if (found.length > 1 && found[found.length - 1].join("") === "") found.pop();
  return found;
}

function put(pairs, left) {
  before = pairs.map(([input]) => [input, input.value]);
  for (const [input, value] of pairs) input.value = value;
  tell();
  const words = [filled.dataset.filledText.replace("#", pairs.length)];
  if (left) words.push(filled.dataset.leftText.replace("#", left));
  filled.textContent = words.join(" ");
}

function pasted(event) {
  if (!event.target.matches(cells)) return;
  const rows = table(event.clipboardData.getData("text/plain"));
  if (rows.length === 1 && rows[0].length === 1) return; // one value goes where the caret is
  event.preventDefault();
  const pairs = [];
  let left = 0;
  rows.forEach((row, down) => row.forEach((value, right) => {
    const input = beside(event.target, down, right);
    if (input) pairs.push([input, value.trim()]);
    else if (value.trim()) left += 1;
  }));
  put(pairs, left);
}

// What stands in a cell goes into the empty ones below it.
function fillDown() {
  if (!here || !here.value.trim()) return;
  const pairs = [];
  for (let down = 1, input = beside(here, down, 0); input; input = beside(here, down, 0)) {
    if (!input.value.trim()) pairs.push([input, here.value]);
    down += 1;
  }
  put(pairs, 0);
  here.focus();
}

function undo() {
  for (const [input, value] of before) input.value = value;
  before = [];
  filled.textContent = "";
  tell();
}

if (form) {
  fill.hidden = false;
  fill.addEventListener("click", fillDown);
  form.addEventListener("paste", pasted);
  form.addEventListener("focusin", ({ target }) => { if (target.matches(cells)) here = target; });
  form.addEventListener("input", () => { before = []; filled.textContent = ""; });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    const key = event.key.toLowerCase();
    const isInCell = event.target.matches(cells);
    if (key === "s") {
      event.preventDefault();
      if (!isSending) form.requestSubmit(document.getElementById("save"));
    } else if (key === "d" && isInCell) {
      event.preventDefault();
      fillDown();
    } else if (key === "z" && isInCell && before.length) {
      event.preventDefault();
      undo();
    }
  });
}
