"use strict";
// Tables are sorted by the number that a cell begins with, else by its text; rows without one go last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.tBodies[0];
    const key = (row) => {
      const text = row.cells[column].textContent.trim();
      return [Number.parseFloat(text.replace(/^[<>+\u2212]/, (mark) => (mark === "\u2212" ? "-" : ""))), text];
    };
    const keyed = [...body.rows].map((row) => [key(row), row]);
    keyed.sort(([[one, first]], [[other, second]]) => {
      const numbers = [one, other].filter((value) => !Number.isNaN(value)).length;
      if (numbers === 2) return sign * (one - other);
      if (numbers === 1) return Number.isNaN(one) ? 1 : -1;
      return sign * first.localeCompare(second);
    });
    keyed.forEach(([, row]) => body.append(row));
  }));
}
// The search box leaves figures and tables that hold all words, and the sections that hold any of them.
const products = [...document.querySelectorAll(".product")];
const texts = products.map((product) => `${product.id} ${product.textContent}`.toLowerCase());
const search = document.getElementById("search");
search.form.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let hits = 0;
  products.forEach((product, place) => {
    product.hidden = !words.every((word) => texts[place].includes(word));
    hits += product.hidden ? 0 : 1;
  });
  for (const part of document.querySelectorAll(".part")) {
    part.hidden = words.length > 0 && !part.querySelector(".product:not([hidden])");
  }
  document.getElementById("start").hidden = words.length > 0;
  document.getElementById("nothing").hidden = hits > 0;
  document.getElementById("hits").value = words.length ? `${hits} of ${products.length} shown` : "";
});
// A link to something that the search hides ends the search first.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && search.value) {
    search.value = "";
    search.dispatchEvent(new Event("input"));
  }
});
