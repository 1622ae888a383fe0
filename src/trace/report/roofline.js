/* The roofline: how much work each dispatch does for a byte, how fast it does it, and what the machine allows. */

class Roofline {
  constructor(runs) {
    this.runs = runs;
    const all = runs.flatMap((run) => run.dispatches).filter((it) => it.duration_ps > 0);
    /* Those that compute nothing have no place among logarithms: they stand at the left edge, as high below the roof of
     * memory as the part of its bandwidth that they use. */
    this.points = all.filter((it) => it.flops > 0 && it.bytes > 0).map((it) => this.pointOf(it));
    this.edge = all.filter((it) => it.flops === 0 && it.bytes > 0 && it.run.peaks?.bytes_per_second);
    this.left_out = runs.reduce((sum, run) => sum + run.dispatches.length, 0) - this.points.length - this.edge.length;
    this.most_ps = Math.max(1, ...runs.map((run) => run.ops[0]?.duration_ps ?? 1)) / 40;
    this.setLimits();
    for (const it of this.edge) this.points.push(this.edgePointOf(it));
    this.points.sort((a, b) => a.x - b.x || a.y - b.y);
  }

  pointOf(it) {
    return { it, x: Math.log10(it.flops / it.bytes), y: Math.log10(it.flops / it.duration_ps * 1e12) };
  }

  edgePointOf(it) {
    return { it, x: this.x0, y: this.x0 + Math.log10(it.bytes / it.duration_ps * 1e12) };
  }

  setLimits() {
    const xs = this.points.map((point) => point.x), ys = this.points.map((point) => point.y);
    for (const { peaks } of this.runs) {
      const { flops_per_second: flops, bytes_per_second: bytes } = peaks ?? {};
      if (flops) ys.push(Math.log10(flops) + 0.25);
      if (flops && bytes) xs.push(Math.log10(flops / bytes) + 1);
    }
    this.x0 = least(xs) - 0.5;
    this.x1 = most(xs) + 0.3;
    for (const it of this.edge) ys.push(this.edgePointOf(it).y);
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
      h("p", { class: "note" }, this.summary()));
    followPointers(this.canvas.element, {
      tap: (x, y) => page.select(this.near(x, y)?.it ?? null),
      hover: (x, y, event) => {
        const point = this.near(x, y);
        if (!point) return tip.hide();
        const { it } = point;
        tip.show([`${it.run.tag} ${it.op} ${it.label}`.trim(), timeText(it.duration_ps),
          it.flops > 0 ? `${digits(it.flops / it.bytes, 3)} FLOP/B, ${flopRateText(it.flops / it.duration_ps * 1e12)}`
            : `computes nothing, ${byteRateText(it.bytes / it.duration_ps * 1e12)}`,
          it.bound ? `${it.bound}-bound, ${percentText(it.roof)} of its roof` : ""], event.clientX, event.clientY);
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
      const name = run.tag ? `Run ${run.tag}: ` : "";
      return `${name}${countText(memory)} of ${countText(bound.length)} dispatches are bound by memory; half of all ` +
        `reach ${percentText(roofs[Math.floor(roofs.length / 2)])} of their roof or more.`;
    });
    const edge = countText(this.edge.length);
    if (this.edge.length > 0) sentences.push(`At the left edge: ${edge} that compute nothing, by their bandwidth.`);
    if (this.left_out > 0) sentences.push(`${countText(this.left_out)} without work or without bytes are not shown.`);
    return sentences.filter(Boolean).join(" ");
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
    const drawn = new Set();
    for (const run of this.runs) {
      const key = JSON.stringify(run.peaks);
      if (run.peaks && !drawn.has(key)) this.paintRoof(context, frame, run);
      drawn.add(key);
    }
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

  paintRoof(context, frame, run) {
    const { flops_per_second: flops, bytes_per_second: bytes } = run.peaks;
    const top = flops ? Math.log10(flops) : Infinity, slope = bytes ? Math.log10(bytes) : Infinity;
    const ridge = Math.max(this.x0, Math.min(this.x1, top - slope));
    context.strokeStyle = colourOf("ink");
    context.lineWidth = 2;
    context.setLineDash(run.index === 0 ? [] : [6, 4]);
    const start = Math.max(this.x0, this.y0 - slope);
    if (bytes) line(context, frame.x(start), frame.y(start + slope), frame.x(ridge), frame.y(ridge + slope));
    if (flops) line(context, frame.x(bytes ? ridge : this.x0), frame.y(top), frame.x(this.x1), frame.y(top));
    context.setLineDash([]);
    context.fillStyle = colourOf("ink");
    const name = run.tag && this.runs.length > 1 ? ` (${run.tag})` : "";
    context.textAlign = "right";
    if (flops) context.fillText(flopRateText(flops) + name, frame.right - 4, frame.y(top) - 9);
    if (!bytes) return;
    const angle = -Math.atan2(frame.y(0) - frame.y(1), frame.x(1) - frame.x(0));
    const middle = start + (ridge - start) * 0.62;
    context.save();
    context.translate(frame.x(middle), frame.y(middle + slope));
    context.rotate(angle);
    context.textAlign = "center";
    context.fillText(byteRateText(bytes) + name, 0, -9);
    context.restore();
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
    const chosen = this.points.find((point) => point.it === page.selected);
    if (!chosen) return;
    context.lineWidth = 2.5;
    context.strokeStyle = colourOf("ink");
    context.beginPath();
    context.arc(frame.x(chosen.x), frame.y(chosen.y), 11, 0, 2 * Math.PI);
    context.stroke();
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
