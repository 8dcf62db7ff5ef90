/* Search behind Material's search box: parts of words in any script, not tokens.
 *
 * It speaks the messages of Material 9.8's own worker (0 setup, 1 ready, 2 query, 3 result). Text is folded before it
 * is compared: NFKC, lower case, katakana as hiragana, so シグモイド is found by しぐもいど and ＲｅＬＵ by relu. A page is a
 * result if every word of the query stands in it; titles, names and aliases weigh most, whole ones first, then those
 * that begin with the query. The index is asked for with the first query. */
(() => {
  "use strict";
  const inWorker = typeof importScripts === "function";
  let pages = null;
  let stock = [];

  /* One character folded; some become several or none, so texts are folded with a map back to where they came from. */
  const cache = new Map();
  function one(c) {
    let f = cache.get(c);
    if (f === undefined) {
      f = c.normalize("NFKC").toLowerCase().replace(/[\u30a1-\u30f6]/g, k => String.fromCharCode(k.charCodeAt(0) - 96));
      if (/^[\s_\-‐-―−・()（）「」、。,.:]+$/.test(f)) f = " ";
      cache.set(c, f);
    }
    return f;
  }
  const fold = text => Array.from(text.normalize("NFKC"), one).join("").replace(/ +/g, " ").trim();
  const squeezed = text => fold(text).replace(/ /g, "");

  function folded(text) {
    const at = [];
    let out = "";
    let position = 0;
    for (const c of text) {
      for (const f of one(c)) { out += f; at.push(position); }
      position += c.length;
    }
    at.push(position);
    return { out, at };
  }

  const escaped = text => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

  /* A text, or the part of it around the first hit, as HTML with the words marked. */
  function marked(text, words, span) {
    const { out, at } = folded(text);
    const hits = [];
    for (const word of words)
      for (let k = out.indexOf(word); k >= 0; k = out.indexOf(word, k + word.length))
        hits.push([at[k], Math.max(at[k + word.length], at[k] + 1)]);
    hits.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    let from = 0;
    let to = text.length;
    if (span && text.length > span) {
      from = Math.max(0, (hits.length ? hits[0][0] : 0) - span / 4 | 0);
      to = Math.min(text.length, from + span);
    }
    let html = from ? "…" : "";
    let done = from;
    for (const [a, b] of hits) {
      if (a < done || b > to) continue;
      html += `${escaped(text.slice(done, a))}<mark data-md-highlight>${escaped(text.slice(a, b))}</mark>`;
      done = b;
    }
    return html + escaped(text.slice(done, to)) + (to < text.length ? "…" : "");
  }

  /* Pages as [location, title, other names, weight, [[anchor, heading, text], …]], made searchable. */
  function prepare(raw) {
    const common = new Map();
    for (const [, , , , sections] of raw)
      for (const [, heading] of sections) common.set(heading, (common.get(heading) || 0) + 1);
    return raw.map(([location, title, names, weight, sections]) => ({
      location, title, weight,
      names: [title, ...names].map(n => [fold(n), squeezed(n)]),
      sections: sections.map(([anchor, heading, text]) => ({
        anchor, heading, text,
        folded: fold(heading),
        search: folded(text).out,
        rare: 1 / common.get(heading),
      })),
    }));
  }

  /* The plugin's own index, where the site was built without ours. */
  function adapted(docs) {
    const found = new Map();
    const plain = html => html.replace(/<[^>]*>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    for (const { location, title, text } of docs) {
      const [path, anchor = ""] = location.split("#");
      if (!found.has(path)) found.set(path, [path, plain(title), [], 1, []]);
      found.get(path)[4].push([anchor, anchor ? plain(title) : "", plain(text)]);
    }
    return [...found.values()];
  }

  function nameScore(names, query, tight) {
    let best = 0;
    for (const [name, squeezedName] of names) {
      if (!name) continue;
      let score = 0;
      if (name === query || squeezedName === tight) score = 1000;
      else if (squeezedName.startsWith(tight)) score = 500 + 100 * tight.length / squeezedName.length;
      else if (squeezedName.includes(tight)) score = 250 + 100 * tight.length / squeezedName.length;
      if (score > best) best = score;
    }
    return best;
  }

  function count(text, word) {
    let n = 0;
    for (let k = text.indexOf(word); k >= 0 && n < 9; k = text.indexOf(word, k + word.length)) n++;
    return n;
  }

  function search(value) {
    const query = fold(value);
    const words = query.split(" ").filter(Boolean);
    if (!words.length) return [];
    const tight = words.join("");
    const results = [];
    for (const page of pages) {
      const whole = nameScore(page.names, query, tight);
      const inNames = words.map(w => nameScore(page.names, w, w));
      const seen = inNames.map(s => s > 0 || whole > 0);
      const sections = [];
      for (const s of page.sections) {
        let score = 0;
        if (s.folded === query) score += 400 * s.rare;
        words.forEach((w, k) => {
          const inHeading = s.folded.includes(w);
          const n = count(s.search, w);
          if (inHeading || n) seen[k] = true;
          if (inHeading) score += 120 * s.rare * (w.length / s.folded.length + 0.5);
          if (n) score += 4 + 4 * Math.log2(1 + n);
        });
        if (score) sections.push({ ...s, score: score * page.weight });
      }
      if (!seen.every(Boolean)) continue;
      sections.sort((a, b) => b.score - a.score);
      const body = sections.length ? sections[0].score + Math.min(20, sections.length) : 0;
      const score = whole + inNames.reduce((a, b) => a + b, 0) / (4 * words.length) + body;
      results.push({ page, score, sections });
    }
    results.sort((a, b) => b.score - a.score || (a.page.location < b.page.location ? -1 : 1));
    const terms = Object.fromEntries(words.map(w => [w, true]));
    return results.map(({ page, score, sections }) => {
      const intro = sections.find(s => !s.anchor) || page.sections.find(s => !s.anchor);
      return [
        { location: page.location, title: marked(page.title, words), text: intro ? marked(intro.text, words, 160) : "", score, terms },
        ...sections.filter(s => s.anchor).slice(0, 12).map((s, k) => ({
          location: `${page.location}#${s.anchor}`,
          title: marked(s.heading, words),
          text: marked(s.text, words, 160),
          score: k < 2 ? score : s.score,
          terms,
        })),
      ];
    });
  }

  function load() {
    if (pages) return;
    if (!stock.length && inWorker) {
      importScripts(new URL("../search/search_index.js", location.href));
      stock = self.__index.pages || self.__index.docs;
    }
    pages = prepare(Array.isArray(stock[0]) ? stock : adapted(stock));
    stock = [];
  }

  function answer({ type, data }) {
    if (type === 0) {
      stock = data.pages || data.docs;
      if (!inWorker && self.__index && self.__index.pages) stock = self.__index.pages;
      pages = null;
      return { type: 1 };
    }
    if (!data.trim()) return { type: 3, data: { items: [] } };
    load();
    return { type: 3, data: { items: search(data) } };
  }

  if (inWorker) addEventListener("message", event => postMessage(answer(event.data)));
  else self.kasseiSearch = answer;
})();
