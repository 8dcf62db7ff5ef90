// Brings the plots to life: curves that follow sliders, values under the pointer, a second function to compare with.
// The SVG in the page is redrawn in place; its functions are the emitted modules, which register in `kassei`.
(() => {
  "use strict";
  const functions = (globalThis.kassei ??= {});

  // ---- numbers as text: digits that are right however the last bits fell ------------------------------------------
  const round = (y, digits, power) => {
    const text = power ? y.toExponential(digits) : y.toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text;
  };
  const shown = (y) => {
    if (y !== y) return "—";
    const size = Math.abs(y);
    if (size === Infinity) return y > 0 ? "∞" : "−∞";
    const power = (size >= 1e-9 && size < 1e-3) || size >= 1e5;
    let digits = power ? 3 : 4;
    const slack = 2e-13 * size + 1e-16; // where this much decides about the last digit, one more is shown
    for (let k = 0; k < 3 && round(y - slack, digits, power) !== round(y + slack, digits, power); k++) digits++;
    return round(y, digits, power).replace("e+", "e").replaceAll("-", "−");
  };
  const short = (x) => {
    const text = String(Number(x.toPrecision(6)));
    return (Number(text) === x ? text : `${text}…`).replace("-", "−");
  };

  // ---- neighbouring floats, for the two sides of a break ----------------------------------------------------------
  const bits = new DataView(new ArrayBuffer(8));
  const beside = (x, way) => {
    if (x === 0) return way * 5e-324;
    bits.setFloat64(0, x);
    bits.setBigInt64(0, bits.getBigInt64(0) + BigInt(way * Math.sign(x)));
    return bits.getFloat64(0);
  };

  // ---- a curve as the d of a path ---------------------------------------------------------------------------------
  const path = (f, breaks, plane) => {
    const { x: [x0, x1], y: [y0, y1], box: [left, top, wide, high] } = plane;
    const sx = wide / (x1 - x0), sy = high / (y1 - y0), far = 3 * high;
    const inner = breaks.filter((b) => b > x0 && b < x1).sort((a, b) => a - b);
    const near = 1e-6 * Math.max(1, y1 - y0);
    let d = "", pen = "M", next = 0;
    const put = (x, y) => {
      if (!Number.isFinite(y)) { if (y === Infinity || y === -Infinity) y = Math.sign(y) * 1e9; else { pen = "M"; return; } }
      const py = Math.min(Math.max(top + (y1 - y) * sy, top - far), top + high + far);
      d += `${pen}${(left + (x - x0) * sx).toFixed(1)} ${py.toFixed(2)}`;
      pen = "L";
    };
    const steps = Math.ceil(wide);
    for (let k = 0; k <= steps; k++) {
      const x = x0 + ((x1 - x0) * k) / steps;
      while (next < inner.length && inner[next] <= x) {
        const b = inner[next++], y = f(b), l = f(beside(b, -1)), r = f(beside(b, 1));
        put(b, l);
        if (Math.abs(l - y) <= near && Math.abs(r - y) <= near) continue;
        pen = "M";
        put(b, r);
      }
      if (inner[next - 1] !== x) put(x, f(x));
    }
    return d;
  };

  // ---- functions that are not on the page come as scripts of their own, which file:// allows too ------------------
  const pending = {};
  const script = (url) => (pending[url] ??= new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    tag.src = url;
    tag.onload = resolve;
    tag.onerror = () => { delete pending[url]; reject(new Error(url)); };
    document.head.append(tag);
  }));
  const load = async (name, root) => {
    if (!functions[name]) await script(`${root}functions/${name}/plot.js`);
    return functions[name];
  };
  const catalogue = async (root) => {
    if (!functions["/catalogue"]) await script(`${root}functions/catalogue.js`);
    return functions["/catalogue"];
  };

  // an element starts when its function is there; without it, the picture stays as it is
  const begin = (element) => {
    if (element.begun) return;
    element.begun = true;
    load(element.dataset.name, element.dataset.root).then(() => element.start(), () => {});
  };

  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes, parent) => {
    const one = document.createElementNS(SVG, name);
    for (const key in attributes) one.setAttribute(key, attributes[key]);
    parent.append(one);
    return one;
  };
  const KINDS = { f: "value", slope: "slope", second: "second" };
  const LABELS = { f: "", slope: "′", second: "″" };

  class Slider {
    constructor(label, changed) {
      this.input = label.querySelector("input");
      this.output = label.querySelector("output");
      Object.assign(this, { name: this.input.dataset.name, start: this.input.value });
      this.default = Number(this.input.dataset.default);
      this.reset();
      this.input.addEventListener("input", () => { this.value = this.at(Number(this.input.value)); this.tell(); changed(); });
    }
    at(k) {
      const { lo, hi, scale } = this.input.dataset, n = Number(this.input.max), a = Number(lo), b = Number(hi);
      if (String(k) === this.start && Math.abs(this.grid(k, a, b, n, scale) - this.default) < 1e-12) return this.default;
      return this.grid(k, a, b, n, scale);
    }
    grid(k, a, b, n, scale) {
      return scale === "log" ? Number((a * (b / a) ** (k / n)).toPrecision(3)) : Number((a + (k * (b - a)) / n).toPrecision(6));
    }
    put(wanted, taken) { // a value from an address, as it is where the function takes it; the slider stands beside it
      const n = Number(this.input.max);
      let best = 0;
      for (let k = 0; k <= n; k++) if (Math.abs(this.at(k) - wanted) < Math.abs(this.at(best) - wanted)) best = k;
      this.input.value = String(best);
      this.value = taken ? wanted : this.at(best);
      this.tell();
    }
    reset() { this.input.value = this.start; this.value = this.default; this.tell(); }
    tell() {
      this.output.value = short(this.value);
      this.output.dataset.value = String(this.value);
      this.input.setAttribute("aria-valuetext", `${this.name} = ${short(this.value)}`);
    }
  }

  class Plot extends HTMLElement {
    connectedCallback() { begin(this); }
    start() {
      const data = JSON.parse(this.dataset.plot);
      for (const key of ["x", "y", "slope", "box", "words", "failed"]) this[key] = data[key];
      this.planes = {};
      for (const kind in KINDS) this.planes[kind] = { x: this.x, y: (kind === "f" ? null : this.slope) ?? this.y, box: this.box };
      this.svg = this.querySelector("figure svg");
      this.curves = {};
      for (const kind in KINDS) this.curves[kind] = this.svg.querySelector(`.kp-${kind} path`);
      this.sliders = [...this.querySelectorAll(".kp-slider")].map((label) => new Slider(label, () => this.redraw()));
      this.position = this.querySelector(".kp-position input");
      this.output = this.querySelector(".kp-read");
      this.marks();
      this.position?.addEventListener("input", () => this.read());
      this.svg.addEventListener("pointermove", (e) => this.point(e));
      this.svg.addEventListener("pointerdown", (e) => this.point(e));
      this.querySelectorAll("[data-show]").forEach((box) => box.addEventListener("change", () => this.read()));
      this.querySelector(".kp-reset")?.addEventListener("click", () => { this.sliders.forEach((s) => s.reset()); this.redraw(); });
      this.chooser();
      this.compile();
      this.read();
      this.classList.add("kp-ready");
    }
    get parameters() { return this.sliders.map((s) => s.value); }
    compile() { this.code = functions[this.dataset.name].at(...this.parameters); }
    redraw() {
      this.compile();
      for (const kind in KINDS) this.curves[kind]?.setAttribute("d", path(this.code[KINDS[kind]], this.code.breaks, this.planes[kind]));
      this.read();
    }
    marks() {
      const [left, top, wide, high] = this.box;
      const group = make("g", { class: "kp-marks", "aria-hidden": "true" }, this.svg);
      this.rule = make("path", { class: "kp-rule" }, group);
      this.dots = {};
      for (const kind of ["f", "slope", "second"]) this.dots[kind] = make("circle", { class: `kp-dot kp-${kind}`, r: 3.4 }, group);
      this.extent = { left, top, wide, high };
    }
    point(e) {
      const frame = this.svg.getBoundingClientRect(), { left, wide } = this.extent;
      const unit = (e.clientX - frame.left) * (this.svg.viewBox.baseVal.width / frame.width);
      const [x0, x1] = this.x;
      this.position.value = String(Math.min(Math.max(x0 + ((unit - left) / wide) * (x1 - x0), x0), x1));
      this.read();
    }
    shows(kind) { return this.querySelector(`[data-show="${kind}"]`)?.checked ?? kind !== "second"; }
    read() {
      if (!this.position) return;
      const v = Number(this.position.value), name = this.dataset.variable;
      const [x0, x1] = this.x, { left, top, wide, high } = this.extent;
      const px = left + ((v - x0) / (x1 - x0)) * wide;
      this.rule.setAttribute("d", `M${px.toFixed(1)} ${top}V${top + high}`);
      const parts = [["", name, short(v)]];
      for (const kind in KINDS) {
        const y = this.code[KINDS[kind]](v), on = this.shows(kind);
        const told = kind === "f" ? shown(y) : this.sided(kind, v, y);
        const dot = this.dots[kind], [y0, y1] = this.planes[kind].y, py = top + ((y1 - y) / (y1 - y0)) * high;
        const inside = on && py >= top - 1 && py <= top + high + 1 && !told.includes(" ");
        dot.style.display = inside ? "" : "none";
        if (inside) { dot.setAttribute("cx", px.toFixed(1)); dot.setAttribute("cy", py.toFixed(1)); }
        if (on) parts.push([kind, `f${LABELS[kind]}(${name})`, told]);
      }
      this.output.replaceChildren(...parts.map(([kind, label, text]) => {
        const part = document.createElement("span");
        part.className = kind ? `kp-${kind}` : "kp-v";
        part.append(`${label} = `, Object.assign(document.createElement("b"), { textContent: text }));
        return part;
      }));
      this.position.setAttribute("aria-valuetext", parts.map(([, label, text]) => `${label} = ${text}`).join(", "));
    }
    sided(kind, v, y) {
      const f = this.code[KINDS[kind]], value = this.code.value;
      if (!this.code.breaks.includes(v)) return shown(y);
      const l = beside(v, -1), r = beside(v, 1), here = value(v);
      const close = (a, b) => Math.abs(a - b) <= 1e-7 * Math.max(1, Math.abs(a));
      if (!close(value(l), here) || !close(value(r), here)) return "—";
      if (kind === "second" && !close(this.code.slope(l), this.code.slope(r))) return "—";
      const [a, b] = [f(l), f(r)];
      return close(a, b) ? shown(y) : `${this.words.left} ${shown(a)} ${this.words.right} ${shown(b)}`;
    }
    chooser() {
      const select = this.querySelector(".kp-compare select");
      if (!select) return;
      const { root, name } = this.dataset;
      const link = this.querySelector(".kp-link"), plain = link && `${link.getAttribute("href")}#f=${name}`;
      if (link) link.href = plain;
      const fill = () => catalogue(root).then((all) => {
        if (select.options.length > 1) return;
        for (const one of all) if (one.name !== name) select.add(new Option(one.title, one.name));
      }, () => {});
      for (const event of ["pointerenter", "focus", "touchstart"]) select.addEventListener(event, fill, { once: true, passive: true });
      (globalThis.requestIdleCallback ?? setTimeout)(fill);
      select.addEventListener("change", async () => {
        this.svg.querySelectorAll(".kp-other").forEach((one) => one.remove());
        const chosen = select.value;
        if (link) link.href = chosen ? `${plain},${chosen}` : plain;
        this.querySelector(".kp-note")?.remove();
        if (!chosen) return;
        let other;
        try { other = await load(chosen, root); } catch {
          select.closest("div").append(Object.assign(document.createElement("p"), { className: "kp-note small", textContent: this.failed.replace("{name}", chosen) }));
          return;
        }
        if (select.value !== chosen) return;
        const code = other.at(), clip = this.curves.f.getAttribute("clip-path");
        for (const kind of ["slope", "f"]) {
          const group = make("g", { class: `kp-other kp-other-${kind} kp-${kind}` }, this.svg);
          make("path", { d: path(code[KINDS[kind]], code.breaks, this.planes[kind]), "clip-path": clip }, group);
        }
        this.svg.append(this.svg.querySelector(".kp-marks"));
      });
    }
  }

  // The home page: one curve between the two limits of its parameter. It moves by itself once, for readers who do not
  // mind motion, until they take the slider or press the button.
  class Hero extends HTMLElement {
    connectedCallback() { begin(this); }
    start() {
      const data = JSON.parse(this.dataset.plot);
      this.plane = { x: data.x, y: data.y, box: data.box };
      this.curve = this.querySelector(".kp-f path");
      this.slider = new Slider(this.querySelector(".kp-slider"), () => this.redraw());
      this.button = this.querySelector(".kp-play");
      this.button.addEventListener("click", () => (this.running ? this.stop() : this.play()));
      for (const event of ["pointerdown", "keydown"]) this.slider.input.addEventListener(event, () => this.stop());
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches && "IntersectionObserver" in globalThis) {
        const seen = new IntersectionObserver((all) => {
          if (!all.some((one) => one.isIntersecting)) return;
          seen.disconnect();
          setTimeout(() => this.touched || this.play(), 1200);
        }, { threshold: 0.6 });
        seen.observe(this);
      }
      this.classList.add("kp-ready");
    }
    redraw() {
      const code = functions[this.dataset.name].at(this.slider.value);
      this.curve.setAttribute("d", path(code.value, code.breaks, this.plane));
    }
    play() {
      const { input } = this.slider, n = Number(input.max), begin = performance.now(), from = Number(input.value) / n;
      const phase = Math.asin(2 * from - 1);
      this.running = true;
      this.touched = true;
      this.button.textContent = this.button.dataset.stop;
      const step = (now) => {
        if (!this.running) return;
        const t = (now - begin) / 9000; // one round to both ends and back in nine seconds
        const k = Math.round((n * (1 + Math.sin(phase - 2 * Math.PI * Math.min(t, 1)))) / 2);
        if (String(k) !== input.value) { input.value = String(k); this.slider.value = this.slider.at(k); this.slider.tell(); this.redraw(); }
        if (t >= 1) this.stop();
        else requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    }
    stop() {
      this.running = false;
      this.touched = true;
      this.button.textContent = this.button.dataset.play;
    }
  }

  // ---- the comparison: up to three functions, their choice and parameters in the address behind # -----------------
  const nice = (x) => { const p = 10 ** Math.floor(Math.log10(x)), m = x / p; return p * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10); };

  class Compare extends HTMLElement {
    async connectedCallback() {
      if (this.begun) return;
      this.begun = true;
      const { root, none } = this.dataset;
      const data = JSON.parse(this.dataset.plot);
      this.box = data.box;
      this.rows = [...this.querySelectorAll("tbody tr")];
      this.head = this.querySelector("thead tr");
      this.note = this.querySelector(".kp-note");
      let all;
      try { all = await catalogue(root); } catch { return; }
      this.titles = Object.fromEntries(all.map((one) => [one.name, one.title]));
      this.choices = [...this.querySelectorAll(".kp-choice")].map((place, k) => {
        const select = place.querySelector("select"), chosen = select.value;
        select.replaceChildren(new Option(none, ""), ...all.map((one) => new Option(one.title, one.name)));
        select.value = chosen;
        const choice = { k, place, select, sliders: [] };
        select.addEventListener("change", () => this.choose(choice).then(() => { this.keep(); this.redraw(); }));
        return choice;
      });
      this.figures = [...this.querySelectorAll("figure[data-kind]")].map((figure) => ({ kind: figure.dataset.kind, svg: figure.querySelector("svg") }));
      this.at = this.querySelector(".kp-at");
      this.range = this.querySelector(".kp-range");
      this.at.addEventListener("input", () => this.read());
      this.range.addEventListener("change", () => { this.keep(); this.redraw(); });
      for (const { svg } of this.figures) for (const event of ["pointermove", "pointerdown"]) svg.addEventListener(event, (e) => this.point(svg, e));
      this.querySelector(".kp-share").addEventListener("click", (e) => {
        navigator.clipboard?.writeText(location.href).then(() => { e.target.textContent = e.target.dataset.done; }, () => {});
      });
      addEventListener("hashchange", () => location.hash.slice(1) !== this.kept && this.open());
      await this.open();
      this.classList.add("kp-ready");
    }
    // the address: #f=relu,elu&elu.alpha=2&x=10
    async open() {
      const asked = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
      const names = (asked.get("f") ?? this.dataset.names).split(",").filter((name) => name in this.titles).slice(0, 3);
      const given = names.length ? names : this.dataset.names.split(",");
      this.range.value = [...this.range.options].some((o) => o.value === asked.get("x")) ? asked.get("x") : "";
      await Promise.all(this.choices.map((choice, k) => {
        choice.select.value = given[k] ?? "";
        return this.choose(choice, asked);
      }));
      this.redraw();
    }
    async choose(choice, asked) {
      const { root, failed } = this.dataset, name = choice.select.value;
      choice.sliders = [];
      const own = choice.place.querySelector(".kp-own-sliders");
      own.replaceChildren();
      this.note.textContent = "";
      if (!name) return;
      try {
        await Promise.all([load(name, root), functions[`${name}/facts`] ?? script(`${root}functions/${name}/facts.js`)]);
      } catch {
        this.note.textContent = failed.replace("{name}", this.titles[name] ?? name);
        choice.select.value = "";
        return;
      }
      if (choice.select.value !== name) return;
      choice.sliders = functions[name].parameters.map((p) => {
        const label = document.createElement("label"), input = document.createElement("input");
        label.className = "kp-slider";
        Object.assign(input, { type: "range", min: 0, max: p.steps, step: 1 });
        input.setAttribute("value", p.start);
        Object.assign(input.dataset, { name: p.name, lo: p.lo, hi: p.hi, scale: p.scale, default: p.default });
        const title = Object.assign(document.createElement("span"), { className: "kp-name", textContent: p.name });
        label.append(title, input, document.createElement("output"));
        own.append(label);
        const slider = new Slider(label, () => { this.keep(); this.redraw(); });
        const wanted = Number(asked?.get(`${name}.${p.name}`) ?? NaN);
        if (Number.isFinite(wanted)) slider.put(wanted, wanted >= p.lo && wanted <= p.hi);
        return slider;
      });
    }
    keep() {
      const parts = [`f=${this.lines().map((one) => one.name).join(",")}`];
      for (const one of this.lines()) for (const s of one.sliders) if (s.value !== s.default) parts.push(`${one.name}.${s.name}=${s.value}`);
      if (this.range.value) parts.push(`x=${this.range.value}`);
      this.kept = parts.join("&");
      history.replaceState(null, "", `#${this.kept}`);
    }
    lines() {
      return this.choices.filter((c) => c.select.value && functions[c.select.value]).map((c) => {
        const name = c.select.value, fun = functions[name];
        let code;
        try { code = fun.at(...c.sliders.map((s) => s.value)); } catch { code = fun.at(); }
        return { k: c.k, name, title: this.titles[name], sliders: c.sliders, code, half: fun.view[1] };
      });
    }
    plane(kind, lines) {
      const half = Number(this.range.value) || Math.max(0.2, ...lines.map((one) => one.half));
      const cap = kind === "f" ? 1.04 * half : 2.5;
      let low = 0, high = 0, full = [];
      for (const { code } of lines) for (let k = 0; k <= 200; k++) {
        const y = code[KINDS[kind]](half * (k / 100 - 1));
        if (Number.isFinite(y)) full.push(y);
      }
      full.sort((a, b) => a - b);
      const size = Math.max(Math.abs(full[Math.floor(full.length * 0.02)] ?? 0), Math.abs(full[Math.floor(full.length * 0.98)] ?? 0));
      const limit = half < 2 ? Infinity : Math.max(cap, Math.min(size, 1.3 * cap));
      for (const y of full) { low = Math.min(low, Math.max(y, -limit)); high = Math.max(high, Math.min(y, limit)); }
      const pad = 0.07 * Math.max(high - low, 0.5);
      return { x: [-half, half], y: [low - pad, high + pad], box: this.box };
    }
    axes(svg, plane) {
      const [left, top, wide, high] = plane.box, { x: [x0, x1], y: [y0, y1] } = plane;
      if (!svg.querySelector(".kp-axes")) {
        const first = svg.querySelector(".kp-curve");
        this.clip = first.querySelector("path").getAttribute("clip-path");
        for (const one of [...first.parentNode.children]) if (!one.matches(".kp-curve")) one.remove();
        const group = make("g", { class: "kp-axes" }, svg);
        svg.prepend(group);
        svg.querySelectorAll(".kp-curve").forEach((one) => one.remove());
        make("g", { class: "kp-lines" }, svg);
        make("g", { class: "kp-marks", "aria-hidden": "true" }, svg);
      }
      const group = svg.querySelector(".kp-axes");
      group.replaceChildren();
      const label = (t, step) => String(Number(t.toFixed(Math.max(0, 1 - Math.floor(Math.log10(step)))))).replace("-", "−");
      for (const [a, b, count, across] of [[x0, x1, 10, true], [y0, y1, 6, false]]) {
        const step = nice((b - a) / count);
        for (let k = Math.ceil(a / step - 1e-9); k * step <= b + 1e-9 * step; k++) {
          const at = across ? left + ((k * step - a) / (b - a)) * wide : top + ((b - k * step) / (b - a)) * high;
          make("path", { class: k ? "kp-grid" : "kp-zero", d: across ? `M${at} ${top}V${top + high}` : `M${left} ${at}H${left + wide}` }, group);
          const place = across ? { x: at, y: top + high + 12, "text-anchor": "middle" } : { x: left - 5, y: at + 3.4, "text-anchor": "end" };
          make("text", place, group).textContent = label(k * step, step);
        }
      }
    }
    redraw() {
      const lines = this.lines();
      this.now = lines;
      for (const figure of this.figures) {
        figure.plane = this.plane(figure.kind, lines);
        this.axes(figure.svg, figure.plane);
        const group = figure.svg.querySelector(".kp-lines");
        group.replaceChildren();
        for (const one of [...lines].reverse()) {
          make("path", { class: `kp-line kp-line-${one.k}`, d: path(one.code[KINDS[figure.kind]], one.code.breaks, figure.plane), "clip-path": this.clip }, group);
        }
        const title = figure.svg.parentNode.querySelector(".kp-hidden"), names = lines.map((one) => one.title).join(", ");
        title.textContent = title.dataset.template.replace("{names}", names);
      }
      const [x0, x1] = this.figures[0].plane.x, v = Number(this.at.value), step = nice((x1 - x0) / 400);
      Object.assign(this.at, { min: x0, max: x1, step });
      this.at.value = Math.abs(v) <= x1 ? v : x1 / 5;
      this.table(lines);
      this.read();
    }
    table(lines) {
      this.head.replaceChildren(this.head.firstElementChild, ...lines.map((one) => {
        const cell = document.createElement("th");
        cell.append(Object.assign(document.createElement("a"), { href: `${this.dataset.root}functions/${one.name}/`, textContent: one.title }));
        return cell;
      }));
      for (const row of this.rows) {
        row.replaceChildren(row.firstElementChild, ...lines.map((one) => {
          const cell = document.createElement("td");
          cell.innerHTML = functions[`${one.name}/facts`][row.dataset.key] ?? ""; // written by the program, escaped there
          return cell;
        }));
      }
    }
    point(svg, e) {
      const frame = svg.getBoundingClientRect(), [left, , wide] = this.box, [x0, x1] = this.figures[0].plane.x;
      const unit = (e.clientX - frame.left) * (svg.viewBox.baseVal.width / frame.width);
      this.at.value = String(Math.min(Math.max(x0 + ((unit - left) / wide) * (x1 - x0), x0), x1));
      this.read();
    }
    read() {
      const v = Number(this.at.value);
      this.at.parentNode.querySelector("output").value = short(v);
      this.querySelector(".kp-values").replaceChildren(...this.now.map((one) => {
        const row = document.createElement("div");
        row.className = `kp-line-${one.k}`;
        row.append(`${one.title}: f = `, Object.assign(document.createElement("b"), { textContent: shown(one.code.value(v)) }), ", f′ = ", Object.assign(document.createElement("b"), { textContent: one.code.breaks.includes(v) ? "—" : shown(one.code.slope(v)) }));
        return row;
      }));
      for (const { kind, svg, plane } of this.figures) {
        const [left, top, wide, high] = plane.box, px = left + ((v - plane.x[0]) / (plane.x[1] - plane.x[0])) * wide;
        const marks = svg.querySelector(".kp-marks");
        marks.replaceChildren();
        make("path", { class: "kp-rule", d: `M${px.toFixed(1)} ${top}V${top + high}` }, marks);
        for (const one of this.now) {
          const y = one.code[KINDS[kind]](v), py = top + ((plane.y[1] - y) / (plane.y[1] - plane.y[0])) * high;
          if (py >= top && py <= top + high) make("circle", { class: `kp-dot kp-line-${one.k}`, r: 3.2, cx: px.toFixed(1), cy: py.toFixed(1) }, marks);
        }
      }
    }
  }

  customElements.define("kassei-compare", Compare);
  customElements.define("kassei-plot", Plot);
  customElements.define("kassei-hero", Hero);
})();
