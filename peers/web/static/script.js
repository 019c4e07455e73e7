// What makes the pages nicer; everything works without it.
"use strict";

// A question before what cannot be undone.
document.addEventListener("submit", (event) => {
  const question = event.submitter && event.submitter.dataset.ask;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  // One click is enough: long work shows that it is under way.
  const busy = event.submitter && event.submitter.dataset.busy;
  if (busy) {
    event.submitter.setAttribute("aria-busy", "true");
    event.submitter.dataset.label = event.submitter.textContent;
    event.submitter.textContent = busy;
    event.target.setAttribute("data-sent", "");
  }
});

// A page that comes back from the browser's memory can be used again.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.textContent = button.dataset.label;
  }
});

// The key / leads to the search, from wherever nothing is being typed.
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("find-anything");
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (!search || isTyping || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Buttons that copy what stands beside them.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}

// A box that stands for others ticks them; one of those unticked by hand unticks it.
document.addEventListener("change", ({ target }) => {
  if (target.type !== "checkbox" || !target.form) return;
  const boxes = [...target.form.elements];
  if (target.dataset.ticks) {
    for (const box of boxes) {
      if (box.name === target.dataset.ticks) box.checked = target.checked;
      else if (box.dataset.ticks === target.dataset.ticks && box !== target) box.checked = false;
    }
  } else if (!target.checked) {
    for (const box of boxes) if (box.dataset.ticks === target.name) box.checked = false;
  }
});

// A preset ticks the boxes that it means; a box ticked by hand is a choice of one's own.
document.addEventListener("change", ({ target }) => {
  const boxes = [...(target.form ? target.form.elements : [])];
  if (target.name === "preset" && target.dataset.publish !== undefined) {
    for (const box of boxes.filter((each) => each.type === "checkbox")) {
      box.checked = (target.dataset[box.name] || "").split(" ").includes(box.value);
    }
  }
  const custom = boxes.find((each) => each.name === "preset" && each.dataset.publish === undefined);
  if (custom && target.type === "checkbox") custom.checked = true;
});

// A page that is there to be printed.
if (document.querySelector("[data-print-now]")) window.print();

// A menu closes by Escape, and when one goes on elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
}
