/* Tables one may sort and lists one may filter. The page is complete without this script; it shows the form, makes the
 * headings of a table buttons, counts what is left and keeps the choice in the address (#r3=proved&sort=9). */
(() => {
  "use strict";
  const fold = s => s.normalize("NFKC").toLowerCase()
    .replace(/[\u30a1-\u30f6]/g, k => String.fromCharCode(k.charCodeAt(0) - 96)).replace(/[\s_\-()（）]+/g, "");

  for (const form of document.querySelectorAll("form.filters")) {
    const target = form.dataset.for ? document.getElementById(form.dataset.for) : form.parentElement;
    if (!target) continue;
    const table = target.tagName === "TABLE" ? target : null;
    const rows = [...(table ? table.tBodies[0].rows : target.querySelectorAll("[data-row]"))];
    const follower = document.querySelector(`[data-follows="${form.dataset.for}"]`);
    const output = form.querySelector("output");
    const names = new Map(rows.map(r => [r, fold(r.dataset.names || r.textContent)]));
    const items = follower && new Map([...follower.children].map(li => [li.dataset.name, li]));
    let sort = null;

    function fits(row, field) {
      const wanted = field.type === "checkbox" ? (field.checked ? field.value : "") : field.value.trim();
      if (!wanted) return true;
      if (field.name === "q") return names.get(row).includes(fold(wanted));
      const has = row.dataset[field.name] || "";
      if (field.name === "fw") return wanted === "+" ? has !== "" : wanted === "-" ? has === "" : has.split(" ").includes(wanted);
      if (field.name === "y") return has !== "" && Math.floor(has / 10) * 10 === +wanted;
      return has.split(" ").includes(wanted);
    }

    const fields = [...form.elements].filter(e => e.name);
    function filter() {
      let shown = 0;
      for (const row of rows) {
        const fit = fields.every(f => fits(row, f));
        row.hidden = !fit;
        shown += fit;
        if (items) {
          const link = row.querySelector("code");
          const li = link && items.get(link.textContent);
          if (li) li.hidden = !fit;
        }
      }
      if (!table) headings();
      output.textContent = output.dataset.text.replace("{n}", shown).replace("{all}", rows.length);
    }

    /* A heading is shown while something below it, before the next of its rank, is. */
    function headings() {
      const seen = { 2: false, 3: false };
      for (const one of [...target.children].reverse()) {
        const rank = /^H[23]$/.test(one.tagName) ? +one.tagName[1] : 0;
        if (rank) {
          one.toggleAttribute("data-cut", !seen[rank] && started.has(one));
          seen[3] = false;
          if (rank === 2) seen[2] = false;
        } else if (one.querySelector("[data-row]")) {
          one.hidden = ![...one.querySelectorAll("[data-row]")].some(r => !r.hidden);
          if (!one.hidden) seen[2] = seen[3] = true;
        }
      }
    }
    const started = new Set();
    for (let one = form.nextElementSibling; one; one = one.nextElementSibling) started.add(one);

    function order() {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((th, k) => {
        if (sort && sort.column === k) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
        else th.removeAttribute("aria-sort");
      });
      const key = row => {
        const cell = row.cells[sort.column];
        return cell.dataset.value === undefined ? fold(cell.textContent) : +cell.dataset.value;
      };
      const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
      const sorted = sort ? rows.map((r, k) => [key(r), k, r])
        .sort((a, b) => (sort.down ? -1 : 1) * compare(a[0], b[0]) || a[1] - b[1]).map(x => x[2]) : rows;
      table.tBodies[0].append(...sorted);
      if (items) follower.append(...sorted.map(r => items.get(r.querySelector("code").textContent)).filter(Boolean));
    }

    function remember() {
      const state = new URLSearchParams();
      for (const f of fields) {
        const value = f.type === "checkbox" ? (f.checked ? f.value : "") : f.value.trim();
        if (value) state.set(f.name, value);
      }
      if (sort) state.set("sort", (sort.down ? "-" : "") + sort.column);
      const hash = state.toString();
      if (hash || location.hash.includes("="))
        history.replaceState(history.state, "", location.pathname + location.search + (hash ? "#" + hash : ""));
    }

    function recall() {
      if (!location.hash.includes("=")) return false;
      const state = new URLSearchParams(location.hash.slice(1));
      for (const f of fields) {
        const value = state.get(f.name) || "";
        if (f.type === "checkbox") f.checked = value === f.value;
        else f.value = value;
        if (f.tagName === "SELECT" && f.selectedIndex < 0) f.value = "";
      }
      const by = /^(-?)(\d+)$/.exec(state.get("sort") || "");
      sort = by && table && table.tHead.rows[0].cells[+by[2]]?.dataset.sort ? { column: +by[2], down: by[1] === "-" } : null;
      return true;
    }

    if (table)
      for (const th of table.tHead.querySelectorAll("th[data-sort]")) {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...th.childNodes);
        th.append(button);
        button.addEventListener("click", () => {
          const column = th.cellIndex;
          sort = !sort || sort.column !== column ? { column, down: false } : sort.down ? null : { column, down: true };
          order();
          remember();
        });
      }
    form.addEventListener("input", () => { filter(); remember(); });
    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => { sort = null; if (table) order(); filter(); remember(); }));
    addEventListener("hashchange", () => { if (recall()) { if (table) order(); filter(); } });
    recall();
    form.hidden = false;
    if (sort) order();
    filter();
  }
})();
