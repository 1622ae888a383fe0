/* The timeline: zooms by wheel, pinch, keys and buttons, pans by dragging, shows what lies under the pointer. */

class Timeline {
  constructor(runs) {
    this.runs = runs;
    this.extent_ps = Math.max(1, ...runs.map((run) => run.makespan_ps));
    this.from_ps = 0;
    this.to_ps = this.extent_ps;
    this.groups = runs.map((run) => {
      const tracks = tracksOf(run);
      return { run, tracks, fences: fencesOf(run, tracks) };
    });
    this.height = placeTracks(this.groups);
    this.span_of = new Map();
    for (const lane of this.lanes())
      for (const span of lane.spans) if (span.dispatch) this.span_of.set(span.dispatch, span);
    this.dispatches = runs.flatMap((run) => run.dispatches)
      .sort((a, b) => a.run.index - b.run.index || a.start_ps - b.start_ps);
  }

  get isEmpty() {
    return this.groups.every((group) => group.tracks.length === 0);
  }

  lanes() {
    return this.groups.flatMap((group) => group.tracks).flatMap((track) => track.lanes);
  }

  /* ---- the page's elements ---- */

  build() {
    const { element, head } = section("timeline", "Timeline");
    this.main = makeCanvas({ class: "timeline-canvas", tabindex: "0", role: "application",
      "aria-roledescription": "timeline", "aria-describedby": "timeline-keys", id: "timeline-canvas" },
    (context, width, height) => this.paint(context, width, height));
    this.main.element.style.height = `${this.height}px`;
    this.overview = makeCanvas({ class: "overview", "aria-hidden": "true", id: "timeline-overview" },
      (context, width, height) => this.paintOverview(context, width, height));
    this.coverages = new Map();
    head.append(this.buttons());
    this.detail = h("div", { id: "selected", hidden: true });
    element.append(this.overview.element, h("div", { class: "drawing" }, this.main.element), this.legend(),
      keysOfTimeline(), this.detail);
    this.listen();
    this.moved();
  }

  buttons() {
    const zoom = (factor) => () => this.zoom(factor, 0.5);
    return h("div", { class: "buttons", role: "group", "aria-label": "View of the timeline" },
      button("\u2212", "Zoom out", zoom(0.5)), button("+", "Zoom in", zoom(2)),
      button("\u2190", "Earlier", () => this.pan(-0.25)), button("\u2192", "Later", () => this.pan(0.25)),
      button("Fit", "Show all of it", () => this.show(0, this.extent_ps)));
  }

  legend() {
    const shown = [...page.op_colours].filter(([, colour]) => colour !== "grey");
    const rest = page.op_colours.size - shown.length;
    if (shown.length === 0) return null;
    return h("ul", { class: "legend", "aria-label": "Colours of ops" },
      shown.map(([op, colour]) => h("li", null, swatch(colour), op)),
      rest > 0 ? h("li", null, swatch("grey"), manyText(rest, "other")) : null);
  }

  listen() {
    const canvas = this.main.element;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("dblclick", (event) => this.zoom(4, event.offsetX / canvas.clientWidth));
    followPointers(canvas, {
      drag: (dx) => this.pan(-dx / canvas.clientWidth),
      pinch: (factor, x) => this.zoom(factor, x / canvas.clientWidth),
      tap: (x, y) => page.select(this.spanAt(x, y)?.dispatch ?? null),
      hover: (x, y, event) => this.hover(x, y, event),
      leave: () => tip.hide(),
    });
    this.listenToOverview();
    page.on("select", () => this.showSelected());
    page.on("filter", () => this.filter());
    page.on("time", () => this.draw());
    this.filter();
  }

  listenToOverview() {
    const canvas = this.overview.element;
    let edge = "";
    followPointers(canvas, {
      press: (x) => {
        const at = x / canvas.clientWidth * this.extent_ps, near = 9 / canvas.clientWidth * this.extent_ps;
        edge = Math.abs(at - this.from_ps) < near ? "from" : Math.abs(at - this.to_ps) < near ? "to" : "all";
        if (edge === "all" && (at < this.from_ps || at > this.to_ps)) this.show(...this.around(at));
      },
      drag: (dx) => {
        const by = dx / canvas.clientWidth * this.extent_ps;
        this.show(this.from_ps + (edge === "to" ? 0 : by), this.to_ps + (edge === "from" ? 0 : by));
      },
    });
  }

  /* ---- the window ---- */

  around(time_ps) {
    const half = (this.to_ps - this.from_ps) / 2;
    return [time_ps - half, time_ps + half];
  }

  show(from_ps, to_ps) {
    const least = Math.min(this.extent_ps, 20);
    const span = Math.min(this.extent_ps, Math.max(least, to_ps - from_ps));
    const middle = (from_ps + to_ps) / 2;
    this.from_ps = Math.max(0, Math.min(this.extent_ps - span, middle - span / 2));
    this.to_ps = this.from_ps + span;
    this.moved();
  }

  pan(part) {
    const by = part * (this.to_ps - this.from_ps);
    this.show(this.from_ps + by, this.to_ps + by);
  }

  zoom(factor, at) {
    const span = this.to_ps - this.from_ps, fixed = this.from_ps + at * span, next = span / factor;
    this.show(fixed - at * next, fixed + (1 - at) * next);
  }

  moved() {
    const canvas = this.main.element;
    canvas.dataset.fromPs = Math.round(this.from_ps);
    canvas.dataset.toPs = Math.round(this.to_ps);
    canvas.setAttribute("aria-label", `Timeline from ${timeText(this.from_ps)} to ${timeText(this.to_ps)} of ` +
      timeText(this.extent_ps));
    this.draw();
  }

  draw() {
    this.main.draw();
    this.overview.draw();
  }

  /* ---- input ---- */

  wheel(event) {
    const canvas = this.main.element, is_ours = event.ctrlKey || event.metaKey || document.activeElement === canvas;
    /* Some browsers count lines, others pixels. */
    const by = event.deltaMode === 1 ? 0.05 : 0.002;
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) this.pan(sideways / canvas.clientWidth);
    else if (is_ours) this.zoom(Math.exp(-event.deltaY * by), event.offsetX / canvas.clientWidth);
    else return;
    event.preventDefault();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 0.5 : 0.1;
    const actions = {
      ArrowLeft: () => this.pan(-far), ArrowRight: () => this.pan(far),
      "+": () => this.zoom(1.5, 0.5), "=": () => this.zoom(1.5, 0.5), "-": () => this.zoom(1 / 1.5, 0.5),
      "0": () => this.show(0, this.extent_ps), Home: () => this.show(0, this.to_ps - this.from_ps),
      End: () => this.show(this.extent_ps - (this.to_ps - this.from_ps), this.extent_ps),
      ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
      Enter: () => this.zoomToSelected(), Escape: () => page.select(null),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
    if (!event.key.startsWith("Arrow") || event.key === "ArrowLeft" || event.key === "ArrowRight")
      say(`${timeText(this.from_ps)} to ${timeText(this.to_ps)}`);
  }

  /* The next dispatch that the filter lets pass, from the selected one or from the left edge. */
  step(by) {
    const list = this.dispatches;
    let i = page.selected ? list.indexOf(page.selected) + by : list.findIndex((it) => it.start_ps >= this.from_ps);
    while (i >= 0 && i < list.length && !page.passes(list[i])) i += by;
    if (i >= 0 && i < list.length) page.select(list[i]);
  }

  zoomToSelected() {
    if (!page.selected) return;
    const margin = Math.max(10, page.selected.duration_ps * 0.5);
    this.show(page.selected.start_ps - margin, page.selected.end_ps + margin);
  }

  /* Shows what was selected elsewhere, if it cannot be seen yet. */
  showSelected() {
    const it = page.selected;
    if (it && (it.end_ps < this.from_ps || it.start_ps > this.to_ps))
      this.show(...this.around((it.start_ps + it.end_ps) / 2));
    this.detail.hidden = !it;
    this.detail.replaceChildren(...(it ? [detailOf(it, this)] : []));
    this.draw();
  }

  filter() {
    for (const lane of this.lanes()) {
      lane.passing = { spans: lane.spans.filter((span) => !span.dispatch || page.passes(span.dispatch)) };
      finishLane(lane.passing);
    }
    this.draw();
  }

  spanAt(x, y) {
    const lane = this.lanes().find((it) => y >= it.y - 1 && y <= it.y + LANE_HEIGHT + 1);
    if (!lane) return null;
    const scale = (this.to_ps - this.from_ps) / this.main.element.clientWidth;
    const at = this.from_ps + x * scale, near = 4 * scale;
    let best = null, distance = near;
    for (let i = firstAtLeast(lane.ends, at - near); i < lane.spans.length && lane.starts[i] <= at + near; i++) {
      const span = lane.spans[i], off = Math.max(0, span.start_ps - at, at - span.end_ps);
      if (off < distance || (off === 0 && !best)) [best, distance] = [span, off];
      if (off === 0) break;
    }
    return best;
  }

  hover(x, y, event) {
    const span = this.spanAt(x, y);
    if (span) tip.show(linesOf(span), event.clientX, event.clientY);
    else tip.hide();
  }

  /* ---- painting ---- */

  paint(context, width, height) {
    const began = performance.now(), view = makeView(context, width, height, this.from_ps, this.to_ps);
    paintAxis(view);
    for (const group of this.groups) paintGroup(view, group, this.groups.length > 1);
    const selected = page.selected && this.span_of.get(page.selected);
    if (selected) paintSelected(view, selected);
    paintMoment(view, page.time_ps);
    this.main.element.dataset.paintMs = (performance.now() - began).toFixed(1);
  }

  paintOverview(context, width, height) {
    const high = (height - 8) / this.runs.length;
    context.fillStyle = colourOf("edge");
    this.runs.forEach((run, i) => {
      const key = `${i} ${width}`;
      if (!this.coverages.has(key)) this.coverages.set(key, coverage(run, this.extent_ps, Math.ceil(width)));
      const covered = this.coverages.get(key), top = Math.max(1, ...covered), foot = 4 + high * (i + 1) - 1;
      for (let x = 0; x < width; x++) {
        const bar = covered[x] / top * (high - 2);
        if (bar > 0) context.fillRect(x, foot - bar, 1, bar);
      }
    });
    const left = this.from_ps / this.extent_ps * width, right = this.to_ps / this.extent_ps * width;
    context.fillStyle = colourOf("sunken");
    context.globalAlpha = 0.72;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    context.strokeStyle = colourOf("accent");
    context.lineWidth = 2;
    context.strokeRect(left + 1, 1, Math.max(2, right - left - 2), height - 2);
    if (page.time_ps === null) return;
    context.fillStyle = colourOf("accent");
    context.fillRect(page.time_ps / this.extent_ps * width - 0.75, 0, 1.5, height);
  }
}

function keysOfTimeline() {
  const pairs = [["\u2190 \u2192", "pan"], ["+ \u2212", "zoom"], ["0", "all of it"],
    ["\u2191 \u2193", "select the dispatch before, the next"], ["Enter", "zoom to it"], ["Esc", "select none"]];
  return h("details", { class: "keys" }, h("summary", null, "Keys and gestures"),
    h("p", { id: "timeline-keys", class: "note" }, pairs.flatMap(([keys, what]) =>
      [...keys.split(" ").flatMap((key) => [h("kbd", null, key), " "]), `${what}; `]),
    "drag to pan; Ctrl and the wheel, or the wheel alone once the timeline has been clicked, or two fingers zoom."));
}

function linesOf(span) {
  const { data } = span;
  if (span.kind === "dispatch")
    return [span.label, timeText(data.duration_ps), `from ${timeText(data.start_ps)}`,
      data.flops || data.bytes ? `${flopsText(data.flops)}, ${bytesText(data.bytes)}` : "",
      data.bound ? `${data.bound}-bound, ${shareText(data)}` : ""];
  if (span.kind === "hazard") return [data.hazard.kind, timeText(data.start_ps), data.hazard.text];
  const waited = data.submitted_ps < data.start_ps
    ? `submitted ${timeText(data.start_ps - data.submitted_ps)} before` : "";
  return [span.label, timeText(data.end_ps - data.start_ps), `from ${timeText(data.start_ps)}`, waited,
    data.barriers ? manyText(data.barriers, "barrier") : "", data.wait ? `waits for fence value ${data.wait}` : "",
    data.signal ? `signals fence value ${data.signal}` : ""];
}

/* What is known of the selected dispatch. */
function detailOf(it, timeline) {
  const cells = [
    ["Took", timeText(it.duration_ps)], ["From", timeText(it.start_ps)], ["To", timeText(it.end_ps)],
    ["Command buffer", it.data.sequence === undefined ? "" : `${it.data.sequence}, dispatch ${it.data.index ?? 0}`],
    ["Work", it.flops ? flopsText(it.flops) : ""], ["Memory", it.bytes ? bytesText(it.bytes) : ""],
    ["Intensity", it.flops && it.bytes ? `${digits(it.flops / it.bytes)} FLOP/B` : ""],
    ["Reaches", it.flops && it.duration_ps ? flopRateText(it.flops / it.duration_ps * 1e12) : ""],
    ["Bound by", it.bound ? `${it.bound}, ${shareText(it)}` : ""],
    ["PEs", it.data.pes ? countText(it.data.pes) : ""],
  ];
  return h("div", { class: "detail" },
    h("h3", null, it.run.tag ? [runTag(it.run), " "] : null, `${it.op} `, h("span", { class: "mono" }, it.label)),
    h("dl", { class: "facts" }, cells.filter(([, value]) => value).map(([name, value]) =>
      h("div", null, h("dt", null, name), h("dd", null, value)))),
    it.parts.length > 0 ? [stackedBar(inOrder(it.parts, orderOfParts([it.parts])), "PEs during this dispatch"),
      partsLegend(inOrder(it.parts, orderOfParts([it.parts])))] : null,
    h("p", { class: "buttons" },
      h("button", { type: "button", onclick: () => timeline.zoomToSelected() }, "Zoom to it"),
      h("button", { type: "button", onclick: () => page.select(null) }, "Select none")));
}
