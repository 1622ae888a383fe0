/* The slider of the machine: time, what is shown, and playing it. */

const STEPS_PER_SECOND = 14, STEPS_PER_SECOND_REDUCED = 2;

class MachinePlayer {
  constructor(runs) {
    this.runs = runs.filter((run) => run.activity && run.activity.bucket_count > 0);
    this.bucket_ps = Math.min(...this.runs.map((run) => run.activity.bucket_ps));
    this.last = Math.max(...this.runs.map((run) =>
      Math.ceil(run.activity.bucket_count * run.activity.bucket_ps / this.bucket_ps))) - 1;
    this.step = 0;
    this.is_mean = true;
    this.timer = null;
    this.layers = new Set(LAYERS.map(([layer]) => layer).filter((layer) =>
      this.runs.some((run) => run.activity[layer]?.length)));
    this.maps = this.runs.map((run) => new MachineMap(run, this));
  }

  get time_ps() {
    return this.step * this.bucket_ps;
  }

  build() {
    const { element, head } = section("machine", "Machine");
    this.average = h("input", { type: "checkbox", id: "map-mean", checked: true });
    this.average.addEventListener("change", () => this.show(this.step, this.average.checked));
    head.append(h("div", { class: "buttons" },
      LAYERS.filter(([layer]) => this.layers.has(layer)).map(([layer, title]) =>
      this.layerBox(layer, title)), h("label", { class: "tick" }, this.average, "Whole run"),
    h("span", { class: "buttons" },
      button("\u2212", "Zoom out of the machine", () => this.maps.forEach((map) => map.zoom(1 / 1.5))),
      button("+", "Zoom into the machine", () => this.maps.forEach((map) => map.zoom(1.5))))));
    this.slider = h("input", { type: "range", id: "map-slider", min: 0, max: this.last, value: 0,
      "aria-label": "Time" });
    this.slider.addEventListener("input", () => {
      this.stop();
      this.show(Number(this.slider.value), false);
    });
    this.play = button("\u25b6 Play", "Play", () => (this.timer ? this.stop() : this.start()),
      { id: "map-play", "aria-pressed": "false" });
    this.output = h("output", { id: "map-time", for: "map-slider" });
    this.spark = makeCanvas({ class: "spark", role: "img", "aria-label": "Mean of what is shown, over time" },
      (context, width, height) => this.paintSpark(context, width, height));
    element.append(h("div", { class: "maps" }, this.maps.map((map) => map.build())),
      h("div", { class: "player" }, this.spark.element, this.play, this.slider, this.output, heatScale()),
      h("div", { class: "maps" }, this.maps.map((map) => h("div", { class: "plain-box" }, map.busiest))));
    this.show(0, true);
  }

  layerBox(layer, title) {
    const box = h("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) this.layers.add(layer);
      else this.layers.delete(layer);
      this.draw();
    });
    return h("label", { class: "tick" }, box, title);
  }

  show(step, is_mean) {
    this.step = Math.max(0, Math.min(this.last, step));
    this.is_mean = is_mean;
    this.average.checked = is_mean;
    this.slider.value = this.step;
    const from = timeText(this.time_ps), to = timeText(this.time_ps + this.bucket_ps);
    this.output.textContent = is_mean ? "Mean of the whole run" : `${from} to ${to}`;
    this.slider.setAttribute("aria-valuetext", is_mean ? "whole run" : from);
    page.setTime(is_mean ? null : this.time_ps + this.bucket_ps / 2);
    this.draw();
  }

  draw() {
    for (const map of this.maps) {
      map.canvas.draw();
      if (!this.timer || this.step % 4 === 0) map.fillBusiest();
    }
    this.spark.draw();
  }

  start() {
    const is_reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (this.is_mean || this.step >= this.last) this.show(0, false);
    this.timer = setInterval(() => {
      this.show(this.step + 1, false);
      if (this.step >= this.last) this.stop();
    }, 1000 / (is_reduced ? STEPS_PER_SECOND_REDUCED : STEPS_PER_SECOND));
    this.setPlay("\u23f8\ufe0e Pause", "true");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.setPlay("\u25b6 Play", "false");
    this.draw();
  }

  setPlay(text, pressed) {
    this.play.textContent = text;
    this.play.setAttribute("aria-pressed", pressed);
    this.play.setAttribute("aria-label", text.slice(2).trim());
    this.play.title = text.slice(2).trim();
  }

  /* The mean of each layer over time, and where the slider stands. */
  paintSpark(context, width, height) {
    const styles = { links: "blue", pes: "orange", hbm: "green" };
    context.font = INK_FONT;
    context.textBaseline = "top";
    let x = 2;
    for (const [layer, title] of LAYERS) {
      if (!this.layers.has(layer)) continue;
      context.fillStyle = context.strokeStyle = colourOf(styles[layer]);
      context.fillText(title, x, 0);
      x += title.length * 7 + 12;
      for (const map of this.maps) this.paintCurve(context, map, layer, width, height);
    }
    if (this.is_mean) return;
    context.fillStyle = colourOf("accent");
    context.fillRect((this.step + 0.5) / (this.last + 1) * width - 0.75, 12, 1.5, height - 12);
  }

  paintCurve(context, map, layer, width, height) {
    const means = map[`${layer}_means`], bucket = map.activity.bucket_ps / this.bucket_ps / (this.last + 1) * width;
    context.lineWidth = 1.5;
    context.setLineDash(map.run.index === 0 ? [] : [4, 3]);
    context.beginPath();
    for (let i = 0; i < means.length; i++) {
      const y = height - 1 - means[i] / 1000 * (height - 18);
      if (i === 0) context.moveTo(0, y);
      context.lineTo((i + 0.5) * bucket, y);
    }
    context.stroke();
    context.setLineDash([]);
  }
}

function heatScale() {
  const ramp = h("span", { class: "ramp", role: "img", "aria-label": "from idle to always busy" });
  const paint = () => { ramp.style.background = `linear-gradient(90deg, ${heatRamp().join(", ")})`; };
  page.on("colours", paint);
  paint();
  return h("div", { class: "scale" }, "idle", ramp, "always busy");
}

function showMachine(runs) {
  const player = new MachinePlayer(runs);
  if (player.runs.length > 0) player.build();
}
