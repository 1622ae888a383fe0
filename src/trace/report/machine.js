/* The machine as a heat map: links, PEs and HBM, coloured by how busy they are while a slider says. */

const LAYERS = [["links", "Links"], ["pes", "PEs"], ["hbm", "HBM"]];

/* One run's machine. Places are in the units of the file; `zoom` and `shift` are what the reader chose to look at. */
class MachineMap {
  constructor(run, player) {
    this.run = run;
    this.player = player;
    this.activity = run.activity;
    this.zoom_by = 1;
    this.shift = { x: 0, y: 0 };
    for (const [layer] of LAYERS) this.prepare(layer);
    this.setLimits();
  }

  prepare(layer) {
    const elements = this.activity[layer] ?? [], count = this.activity.bucket_count;
    this[layer] = elements.map((element) => {
      const busy = Uint16Array.from(element.busy ?? []);
      return { ...element, busy, mean: busy.reduce((sum, value) => sum + value, 0) / Math.max(1, count) };
    });
    const means = new Float64Array(count);
    for (const element of this[layer])
      for (let i = 0; i < element.busy.length; i++) means[i] += element.busy[i] / elements.length;
    this[`${layer}_means`] = means;
  }

  setLimits() {
    const xs = [], ys = [];
    for (const region of this.run.data.machine?.regions ?? []) {
      xs.push(region.x, region.x + region.width);
      ys.push(region.y, region.y + region.height);
    }
    for (const link of this.links) for (const [x, y] of [link.from, link.to]) [xs.push(x), ys.push(y)];
    for (const place of [...this.pes, ...this.hbm]) [xs.push(place.x), ys.push(place.y)];
    this.box = { x: least(xs) - 0.8, y: least(ys) - 0.8, width: most(xs) - least(xs) + 1.6,
      height: most(ys) - least(ys) + 1.6 };
  }

  build() {
    this.canvas = makeCanvas({ class: "map-canvas", tabindex: "0", role: "application", "aria-roledescription": "map",
      id: `map-${this.run.index}` }, (context, width, height) => this.paint(context, width, height));
    this.canvas.element.style.aspectRatio = `${Math.max(0.75, Math.min(2.4, this.box.width / this.box.height))}`;
    followPointers(this.canvas.element, {
      drag: (dx, dy) => this.move(dx, dy), pinch: (factor) => this.zoom(factor),
      hover: (x, y, event) => this.hover(x, y, event), leave: () => tip.hide(),
      tap: (x, y) => this.hover(x, y, { clientX: x + this.canvas.element.getBoundingClientRect().left,
        clientY: y + this.canvas.element.getBoundingClientRect().top }),
    });
    this.canvas.element.addEventListener("keydown", (event) => this.key(event));
    this.canvas.element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.canvas.element) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.002));
    }, { passive: false });
    this.busiest = h("table", { class: "busiest" });
    return h("div", null, this.run.tag ? h("h3", null, runTag(this.run), ` Run ${this.run.tag}`) : null,
      this.canvas.element);
  }

  /* ---- what is looked at ---- */

  zoom(factor) {
    this.zoom_by = Math.max(1, Math.min(40, this.zoom_by * factor));
    if (this.zoom_by === 1) this.shift = { x: 0, y: 0 };
    this.move(0, 0);
  }

  move(dx, dy) {
    const scale = this.scale(this.canvas.element.clientWidth, this.canvas.element.clientHeight);
    const limit = (size) => size / 2 * (1 - 1 / this.zoom_by);
    this.shift.x = Math.max(-limit(this.box.width), Math.min(limit(this.box.width), this.shift.x - dx / scale.by));
    this.shift.y = Math.max(-limit(this.box.height), Math.min(limit(this.box.height), this.shift.y - dy / scale.by));
    this.canvas.element.style.touchAction = this.zoom_by > 1 ? "none" : "pan-y";
    this.canvas.element.dataset.zoom = this.zoom_by.toFixed(3);
    this.canvas.draw();
  }

  key(event) {
    const step = 60;
    const actions = { ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
      ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
      "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4),
      "0": () => this.zoom(0) };
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  scale(width, height) {
    const by = Math.min(width / this.box.width, height / this.box.height) * this.zoom_by;
    return { by, x: width / 2 - (this.box.x + this.box.width / 2 + this.shift.x) * by,
      y: height / 2 - (this.box.y + this.box.height / 2 + this.shift.y) * by };
  }

  /* Permille, at the moment of the player or on average. */
  busyOf(element) {
    return this.player.is_mean ? element.mean : element.busy[this.bucket()] ?? 0;
  }

  bucket() {
    return Math.floor(this.player.time_ps / this.activity.bucket_ps);
  }

  hover(x, y, event) {
    const { clientWidth, clientHeight } = this.canvas.element, scale = this.scale(clientWidth, clientHeight);
    const found = this.near((x - scale.x) / scale.by, (y - scale.y) / scale.by, Math.max(0.45, 6 / scale.by));
    if (!found) return tip.hide();
    tip.show([found.name,
      `${percentText(this.busyOf(found) / 1000)} busy ${this.player.is_mean ? "on average" : "now"}`,
      this.player.is_mean ? "" : `${percentText(found.mean / 1000)} on average`], event.clientX, event.clientY);
  }

  near(x, y, within) {
    let best = null, distance = within;
    const look = (layer, measure, bonus) => {
      if (!this.player.layers.has(layer)) return;
      for (const element of this[layer]) {
        const off = measure(element) - bonus;
        if (off < distance) [best, distance] = [element, off];
      }
    };
    look("pes", (pe) => Math.hypot(pe.x - x, pe.y - y), 0.2);
    look("hbm", (hbm) => Math.hypot(hbm.x - x, hbm.y - y), 0.2);
    look("links", (link) => distanceToLink(link, x, y), 0);
    return best;
  }

  /* ---- painting ---- */

  paint(context, width, height) {
    const scale = this.scale(width, height), { layers } = this.player;
    const place = ([x, y]) => [scale.x + x * scale.by, scale.y + y * scale.by];
    this.paintRegions(context, scale, place);
    if (layers.has("links")) this.paintLinks(context, scale, place);
    if (layers.has("hbm")) this.paintPlaces(context, this.hbm, scale.by * 0.62, scale.by * 0.3, place);
    if (layers.has("pes")) this.paintPlaces(context, this.pes, scale.by * 0.46, scale.by * 0.46, place);
    this.nameRegions(context, scale, place);
    const [links, pes] = ["links", "pes"].map((layer) => this.player.is_mean
      ? this[layer].reduce((sum, it) => sum + it.mean, 0) / Math.max(1, this[layer].length)
        : this[`${layer}_means`][this.bucket()] ?? 0);
    const where = this.player.is_mean ? "the whole run" : timeText(this.player.time_ps);
    this.canvas.element.setAttribute("aria-label", `Machine, ${where}: links ${percentText(links / 1000)} busy, PEs ` +
      `${percentText(pes / 1000)}. The table names the busiest.`);
    this.canvas.element.dataset.bucket = this.player.is_mean ? "mean" : this.bucket();
  }

  paintRegions(context, scale, place) {
    for (const region of this.run.data.machine?.regions ?? []) {
      const [x, y] = place([region.x, region.y]), width = region.width * scale.by, height = region.height * scale.by;
      context.strokeStyle = colourOf("line");
      context.fillStyle = region.kind === "sip" ? colourOf("page") : colourOf("surface");
      context.lineWidth = 1;
      context.beginPath();
      context.roundRect(x, y, width, height, Math.min(8, scale.by * 0.4));
      context.fill();
      context.stroke();
    }
  }

  /* Over everything else, which crosses the names. */
  nameRegions(context, scale, place) {
    context.font = INK_FONT;
    context.textBaseline = "top";
    context.textAlign = "left";
    for (const region of this.run.data.machine?.regions ?? []) {
      const [x, y] = place([region.x, region.y]), width = region.width * scale.by, height = region.height * scale.by;
      const has_room = region.kind === "sip" ? scale.by >= 8 : height >= 60;
      if (!region.name || !has_room || width < region.name.length * LETTER_WIDTH + 8) continue;
      writeOver(context, region.name, x + 5, y + 4, "muted");
    }
  }

  /* The two directions of a connection lie side by side, each to its own right. Links of a colour are one path. */
  paintLinks(context, scale, place) {
    const paths = Array.from({ length: HEAT_STEPS }, () => []);
    for (const link of this.links) paths[heatStep(this.busyOf(link))].push(link);
    const off = Math.max(0.75, scale.by * 0.075), ramp = heatRamp();
    context.lineCap = "butt";
    context.lineWidth = Math.max(1, Math.min(5, scale.by * 0.11));
    paths.forEach((links, step) => {
      if (links.length === 0) return;
      context.strokeStyle = ramp[step];
      context.beginPath();
      for (const link of links) {
        const [x0, y0] = place(link.from), [x1, y1] = place(link.to), length = Math.hypot(x1 - x0, y1 - y0) || 1;
        const dx = -(y1 - y0) / length * off, dy = (x1 - x0) / length * off;
        context.moveTo(x0 + dx, y0 + dy);
        context.lineTo(x1 + dx, y1 + dy);
      }
      context.stroke();
    });
  }

  paintPlaces(context, elements, width, height, place) {
    const ramp = heatRamp();
    context.strokeStyle = colourOf("edge");
    context.lineWidth = Math.min(1, width / 8);
    for (const element of elements) {
      const [x, y] = place([element.x, element.y]);
      context.fillStyle = ramp[heatStep(this.busyOf(element))];
      context.fillRect(x - width / 2, y - height / 2, width, height);
      if (width > 4) context.strokeRect(x - width / 2, y - height / 2, width, height);
    }
  }

  fillBusiest() {
    const all = LAYERS.filter(([layer]) => this.player.layers.has(layer)).flatMap(([layer, title]) =>
      this[layer].map((element) => ({ element, title, busy: this.busyOf(element) })));
    const first = [];
    for (const it of all) {
      if (it.busy <= 0 || (first.length === 8 && it.busy <= first[7].busy)) continue;
      first.push(it);
      first.sort((a, b) => b.busy - a.busy);
      first.length = Math.min(8, first.length);
    }
    const when = this.player.is_mean ? "on average" : `at ${timeText(this.player.time_ps)}`;
    this.busiest.replaceChildren(h("caption", null, first.length > 0 ? `Busiest ${when}` : `Nothing is busy ${when}`),
      h("tbody", null, first.map(({ element, title, busy }) => h("tr", null, h("th", { scope: "row" }, element.name),
        h("td", null, title === "Links" ? element.kind ?? "link" : title),
        h("td", { class: "number" }, percentText(busy / 1000))))));
  }
}

function distanceToLink(link, x, y) {
  const [x0, y0] = link.from, [x1, y1] = link.to, dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy || 1;
  /* The line that is drawn lies a little to the right of the link's direction. */
  const length = Math.sqrt(square), px = x + dy / length * 0.075, py = y - dx / length * 0.075;
  const along = Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / square));
  return Math.hypot(px - x0 - along * dx, py - y0 - along * dy);
}
