"use strict";
(function () {
  const list = document.getElementById("list");
  if (!list) return;
  const rows = Array.from(list.tBodies[0].rows);
  const search = document.getElementById("search");
  const unmask = document.getElementById("unmask");
  const found = document.getElementById("found");
  const secrets = Array.from(list.querySelectorAll("[data-full]"));
  const masked = secrets.map((e) => e.textContent);
  // The whole identity is searched even while it is masked: who types one in
  // knows it already.
  const words = rows.map((r) =>
    [r.textContent].concat(Array.from(r.querySelectorAll("[data-full]"), (e) => e.dataset.full)).join(" ").toLowerCase());

  const number = (n) => n.toLocaleString("en-US");

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    let n = 0;
    rows.forEach((r, i) => {
      r.hidden = wanted !== "" && !words[i].includes(wanted);
      if (!r.hidden) n++;
    });
    const all = number(rows.length) + (rows.length === 1 ? " row" : " rows");
    found.textContent = wanted === "" ? all : number(n) + " of " + all;
  }

  unmask.addEventListener("click", function () {
    const show = unmask.getAttribute("aria-pressed") !== "true";
    unmask.setAttribute("aria-pressed", String(show));
    secrets.forEach((e, i) => { e.textContent = show ? e.dataset.full : masked[i]; });
  });
  search.addEventListener("input", filter);
  document.getElementById("tools").hidden = false;
  filter();
})();
