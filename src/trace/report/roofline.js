/* The roofline: how much work each dispatch does for a byte, how fast it does it, and what the machine allows it. */

class Roofline {
  constructor(runs) {
    this.runs = runs;
    const all = runs.flatMap((run) => run.dispatches).filter((it) => it.duration_ps > 0);
    this.roofs = roofsOf(all);
    /* Those that compute nothing have no place among logarithms: they stand at the left edge, as high below their roof
     * of memory as the part of its bandwidth that they use. */
    this.points = all.filter((it) => it.flops > 0 && it.bytes > 0).map((it) => this.pointOf(it));
    this.edge = all.filter((it) => it.flops === 0 && it.bytes > 0 && it.compute_ps === 0 && it.memory_ps > 0);
    this.left_out = runs.reduce((sum, run) => sum + run.dispatches.length, 0) - this.points.length - this.edge.length;
    this.most_ps = Math.max(1, ...runs.map((run) => run.ops[0]?.duration_ps ?? 1)) / 40;
    this.setLimits();
    for (const it of this.edge) this.points.push(this.edgePointOf(it));
    this.points.sort((a, b) => a.x - b.x || a.y - b.y);
  }

  pointOf(it) {
    return { it, x: Math.log10(it.flops / it.bytes), y: Math.log10(it.flops / it.duration_ps * 1e12) };
  }

  /* How high the own roof of a dispatch is above its place; null without one. */
  roofAt({ it, x }) {
    const compute = rateOf(it.flops, it.compute_ps), memory = rateOf(it.bytes, it.memory_ps);
    const roof = Math.min(compute === null ? Infinity : Math.log10(compute),
      memory === null ? Infinity : x + Math.log10(memory));
    return roof === Infinity ? null : roof;
  }

  edgePointOf(it) {
    return { it, x: this.x0, y: this.x0 + Math.log10(it.bytes / it.duration_ps * 1e12) };
  }

  setLimits() {
    const xs = this.points.map((point) => point.x), ys = [];
    for (const { kind, rate, meets } of this.roofs.drawn) {
      if (kind === "memory") continue;
      ys.push(Math.log10(rate) + 0.25);
      if (meets) xs.push(Math.log10(rate / meets.rate) + 1);
    }
    if (xs.length === 0) xs.push(0); /* only the edge is shown, and any place will do */
    this.x0 = least(xs) - 0.5;
    this.x1 = most(xs) + 0.3;
    const places = [...this.points, ...this.edge.map((it) => this.edgePointOf(it))];
    const heights = places.map((point) => this.roofAt(point)).filter((roof) => roof !== null);
    const own = places.map(({ y }) => y);
    ys.push(...[least(own), most(own), most(heights)].filter(Number.isFinite));
    this.y0 = least(ys) - 0.4;
    this.y1 = most(ys) + 0.2;
  }

  build() {
    const { element } = section("roofline", "Roofline");
    this.canvas = makeCanvas({ class: "roof-canvas", id: "roofline-canvas", tabindex: "0", role: "application",
      "aria-roledescription": "plot", "aria-label": this.summary() + " Arrow keys go from dispatch to dispatch." },
    (context, width, height) => this.paint(context, width, height));
    element.append(h("div", { class: "drawing" }, this.canvas.element),
      this.runs.length > 1 ? h("p", { class: "note" }, "Dots are of run A, rings of run B.") : "",
      h("p", { class: "note" }, this.summary()), roofList(this.roofs, this.runs.length > 1), this.roofsLeftOut() ?? "");
    followPointers(this.canvas.element, {
      tap: (x, y) => page.select(this.near(x, y)?.it ?? null),
      hover: (x, y, event) => {
        const point = this.near(x, y);
        if (!point) return tip.hide();
        const { it } = point;
        tip.show([`${it.run.tag} ${it.op} ${it.label}`.trim(), timeText(it.duration_ps),
          it.flops > 0 ? `${digits(it.flops / it.bytes, 3)} FLOP/B, ${flopRateText(it.flops / it.duration_ps * 1e12)}`
            : `computes nothing, ${byteRateText(it.bytes / it.duration_ps * 1e12)}`,
          it.bound ? `${it.bound}-bound, ${shareText(it)}` : ""], event.clientX, event.clientY);
      },
      leave: () => tip.hide(),
    });
    this.canvas.element.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["select", "filter"]) page.on(name, this.canvas.draw);
  }

  summary() {
    const sentences = this.runs.map((run) => {
      const bound = run.dispatches.filter((it) => it.bound);
      const memory = bound.filter((it) => it.bound === "memory").length;
      if (bound.length === 0) return "";
      const roofs = bound.map((it) => it.roof).filter((it) => !Number.isNaN(it)).sort((a, b) => a - b);
      const name = run.tag ? `Run ${run.tag}: ` : "", middle = percentText(roofs[Math.floor(roofs.length / 2)]);
      if (bound.length === 1)
        return `${name ? `${name}the` : "The"} dispatch is bound by ${bound[0].bound} and reaches ${middle} of ` +
          "its roof.";
      return `${name}${countText(memory)} of ${countText(bound.length)} dispatches are bound by memory; half of all ` +
        `reach ${middle} of their roof or more.`;
    });
    if (this.roofs.all.length === 0) sentences.push("There are no roofs: nothing is known of how fast this could be.");
    const edge = countText(this.edge.length);
    if (this.edge.length > 0) sentences.push(`At the left edge: ${edge} that compute nothing, by their bandwidth.`);
    if (this.left_out > 0) sentences.push(`${countText(this.left_out)} without work or without bytes are not shown.`);
    return sentences.filter(Boolean).join(" ");
  }

  roofsLeftOut() {
    const count = this.roofs.all.length - this.roofs.drawn.length;
    return count === 0 ? null : h("p", { class: "note" },
      `${manyText(count, "more roof")} of dispatches that take less time: drawn when one of those is selected.`);
  }

  /* ---- places ---- */

  frame(width, height) {
    const left = 84, right = width - 22, top = 14, foot = height - 40;
    return { left, right, top, foot,
      x: (value) => left + (value - this.x0) / (this.x1 - this.x0) * (right - left),
      y: (value) => foot - (value - this.y0) / (this.y1 - this.y0) * (foot - top) };
  }

  near(x, y) {
    const { clientWidth, clientHeight } = this.canvas.element, frame = this.frame(clientWidth, clientHeight);
    let best = null, distance = 14;
    for (const point of this.points) {
      if (!page.passes(point.it)) continue;
      const off = Math.hypot(frame.x(point.x) - x, frame.y(point.y) - y);
      if (off < distance) [best, distance] = [point, off];
    }
    return best;
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const shown = this.points.filter((point) => page.passes(point.it));
    const at = shown.findIndex((point) => point.it === page.selected);
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.max(0, Math.min(shown.length - 1, at + by))];
    if (next) page.select(next.it);
  }

  /* ---- painting ---- */

  paint(context, width, height) {
    const frame = this.frame(width, height);
    context.font = INK_FONT;
    this.paintGrid(context, frame, width);
    context.strokeStyle = colourOf("edge");
    line(context, frame.left, frame.foot, frame.right, frame.foot);
    line(context, frame.left, frame.top, frame.left, frame.foot);
    context.save();
    context.beginPath();
    context.rect(frame.left - 8, frame.top - 8, frame.right - frame.left + 16, frame.foot - frame.top + 12);
    context.clip();
    this.paintPoints(context, frame);
    context.restore();
    this.paintRoofs(context, frame, width);
    const chosen = this.points.find((point) => point.it === page.selected);
    if (chosen) this.paintChosen(context, frame, chosen);
    const { left, right, top, foot } = frame, { x0, x1, y0, y1 } = this;
    this.canvas.element.dataset.frame = JSON.stringify({ left, right, top, foot, x0, x1, y0, y1 });
  }

  paintGrid(context, frame, width) {
    context.textBaseline = "middle";
    context.strokeStyle = colourOf("line");
    context.fillStyle = colourOf("muted");
    context.lineWidth = 1;
    const every = width < 500 ? 2 : 1;
    context.textAlign = "center";
    const first = Math.ceil(this.x0);
    for (let i = first; i <= this.x1; i++) {
      const x = Math.round(frame.x(i)) + 0.5;
      line(context, x, frame.top, x, frame.foot);
      if ((i - first) % every === 0) context.fillText(powerText(i), x, frame.foot + 12);
    }
    context.fillText("FLOP for each byte", (frame.left + frame.right) / 2, frame.foot + 29);
    context.textAlign = "right";
    for (let i = Math.ceil(this.y0); i <= this.y1; i++) {
      const y = Math.round(frame.y(i)) + 0.5;
      line(context, frame.left, y, frame.right, y);
      context.fillText(powerRateText(i, "FLOP/s"), frame.left - 6, y);
    }
  }

  /* The line of a roof: of memory as far as the fastest arithmetic that goes with it, of arithmetic from there on. */
  paintRoof(context, frame, { kind, rate, meets }) {
    const level = Math.log10(rate);
    if (kind === "compute") {
      const ridge = meets ? level - Math.log10(meets.rate) : this.x0;
      line(context, frame.x(Math.max(this.x0, ridge)), frame.y(level), frame.x(this.x1), frame.y(level));
      return;
    }
    const from = Math.max(this.x0, this.y0 - level);
    const to = Math.min(this.x1, this.y1 - level, meets ? Math.log10(meets.rate) - level : Infinity);
    if (to > from) line(context, frame.x(from), frame.y(from + level), frame.x(to), frame.y(to + level));
  }

  paintRoofs(context, frame, width) {
    context.strokeStyle = colourOf("ink");
    context.lineWidth = 2;
    for (const roof of this.roofs.drawn) {
      context.setLineDash(roof.tags.has(this.runs[0].tag) ? [] : [6, 4]);
      this.paintRoof(context, frame, roof);
    }
    context.setLineDash([]);
    this.nameFlatRoofs(context, frame, width);
    this.nameSlopes(context, frame, width);
  }

  nameOf(roof, width) {
    const pes = width >= 500 && roof.pes.size === 1 ? `, ${manyText([...roof.pes][0], "PE")}` : "";
    return rateText(roof) + pes + tagsText(roof, this.runs.length > 1);
  }

  /* Above their lines, or below where the next line is too near for that: on a narrow screen not at all then, where the
   * list below the picture has to do. */
  nameFlatRoofs(context, frame, width) {
    const roofs = this.roofs.drawn.filter((roof) => roof.kind === "compute").sort((a, b) => b.rate - a.rate);
    let line_above = -Infinity, text_above = -Infinity;
    context.textAlign = "right";
    for (const roof of roofs) {
      const y = frame.y(Math.log10(roof.rate)), has_room = y - line_above >= 20 && y - 9 - text_above >= 13;
      const at = has_room ? y - 9 : Math.max(y + 9, text_above + 13);
      if (!has_room && width < 500) continue;
      writeOver(context, this.nameOf(roof, width), frame.right - 4, at);
      line_above = y;
      text_above = at;
    }
  }

  /* Along their lines, the next one at another place so that they do not meet. */
  nameSlopes(context, frame, width) {
    const roofs = this.roofs.drawn.filter((roof) => roof.kind === "memory").sort((a, b) => b.rate - a.rate);
    const angle = -Math.atan2(frame.y(0) - frame.y(1), frame.x(1) - frame.x(0));
    roofs.forEach((roof, i) => {
      const level = Math.log10(roof.rate), start = Math.max(this.x0, this.y0 - level);
      const end = Math.min(this.x1, this.y1 - level, roof.meets ? Math.log10(roof.meets.rate) - level : Infinity);
      const middle = start + (end - start) * (width < 500 ? 0.45 : [0.62, 0.36, 0.8, 0.2][i % 4]);
      if (!(end > start)) return;
      context.save();
      context.translate(frame.x(middle), frame.y(middle + level));
      context.rotate(angle);
      context.textAlign = "center";
      writeOver(context, this.nameOf(roof, 0), 0, -9);
      context.restore();
    });
  }

  /* The selected dispatch with its own roof, and how far below it lies. */
  paintChosen(context, frame, { it, x, y }) {
    const compute = rateOf(it.flops, it.compute_ps), memory = rateOf(it.bytes, it.memory_ps);
    context.strokeStyle = colourOf("ink");
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(frame.x(x), frame.y(y), 11, 0, 2 * Math.PI);
    context.stroke();
    const flat = compute === null ? null : { kind: "compute", rate: compute };
    const slope = memory === null ? null : { kind: "memory", rate: memory };
    context.strokeStyle = colourOf("accent");
    context.lineWidth = 3;
    if (slope) this.paintRoof(context, frame, { ...slope, meets: flat });
    if (flat) this.paintRoof(context, frame, { ...flat, meets: slope });
    const roof = this.roofAt({ it, x });
    if (roof === null) return;
    context.lineWidth = 1.5;
    line(context, frame.x(x), frame.y(roof), frame.x(x), frame.y(y));
    context.textAlign = x > (this.x0 + this.x1) / 2 ? "right" : "left";
    writeOver(context, percentText(10 ** (y - roof)), frame.x(x) + (context.textAlign === "left" ? 14 : -14),
      (frame.y(roof) + frame.y(y)) / 2);
  }

  paintPoints(context, frame) {
    const is_filtered = page.filter.length > 0;
    const paint = (point, alpha) => {
      const x = frame.x(point.x), y = frame.y(point.y), colour = colourOf(opColour(point.it.op));
      const radius = 2.5 + 5 * Math.min(1, Math.sqrt(point.it.duration_ps / this.most_ps));
      context.globalAlpha = alpha;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      if (point.it.run.index === 0) {
        context.fillStyle = colour;
        context.fill();
      } else {
        context.lineWidth = 2;
        context.strokeStyle = colour;
        context.stroke();
      }
    };
    const usual = this.points.length > 4000 ? 0.35 : this.points.length > 400 ? 0.55 : 0.8;
    for (const point of this.points) if (is_filtered && !page.passes(point.it)) paint(point, 0.06);
    for (const point of this.points) if (!is_filtered || page.passes(point.it)) paint(point, usual);
    context.globalAlpha = 1;
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function powerText(power) {
  if (power >= 0 && power <= 4) return countText(10 ** power);
  if (power < 0 && power >= -3) return (10 ** power).toFixed(-power);
  return `1e${power}`;
}

function showRoofline(runs) {
  const roofline = new Roofline(runs);
  if (roofline.points.length > 0) roofline.build();
}
