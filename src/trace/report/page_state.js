/* What the parts of the page share: which dispatch is selected, what the filter says, at which time one looks. Each
 * change has a name, and who shows something listens to the names that concern it:
 *   "select"   page.selected: a dispatch, or null
 *   "filter"   page.filter, an array of lower-case words
 *   "time"     page.time_ps: what the machine's slider shows, or null
 *   "colours"  the theme changed, and with it page.colour() */
const page = {
  runs: [],
  selected: null,
  filter: [],
  time_ps: null,
  listeners: new Map(),
  on(name, listener) {
    if (!this.listeners.has(name)) this.listeners.set(name, []);
    this.listeners.get(name).push(listener);
  },
  tell(name) {
    for (const listener of this.listeners.get(name) ?? []) listener();
  },
  select(dispatch) {
    if (this.selected === dispatch) return;
    this.selected = dispatch;
    if (dispatch) {
      const { op, label, duration_ps, start_ps } = dispatch;
      say(`${op} ${label}, ${timeText(duration_ps)}, from ${timeText(start_ps)}`);
    }
    this.tell("select");
  },
  setFilter(text) {
    this.filter = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.tell("filter");
  },
  passes(dispatch) {
    return this.filter.every((word) => dispatch.search.includes(word));
  },
  setTime(time_ps) {
    this.time_ps = time_ps;
    this.tell("time");
  },
};

/* ---- colours ---- */

const CATEGORY_COLOURS = ["blue", "orange", "green", "purple", "yellow", "sky", "rose", "brown"];
const colour_cache = new Map();

/* The value of a colour's name in the present theme. */
function colourOf(name) {
  if (!colour_cache.has(name))
    colour_cache.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colour_cache.get(name);
}

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function luminance(hex) {
  const [r, g, b] = channels(hex).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/* Text that can be read on a colour: near black or white, whichever has more contrast. */
function inkOn(hex) {
  const light = luminance(hex);
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.057 ? "#ffffff" : "#10131a";
}

/* Steps of the ramp that shows how busy something is, from never to always. */
const HEAT_STEPS = 24;
function heatRamp() {
  const key = "heat steps";
  if (!colour_cache.has(key)) {
    const stops = colourOf("heat").split(/\s+/).map(channels);
    const steps = [];
    for (let i = 0; i < HEAT_STEPS; i++) {
      const at = i / (HEAT_STEPS - 1) * (stops.length - 1), left = Math.min(stops.length - 2, Math.floor(at));
      const mixed = stops[left].map((value, c) => Math.round(value + (stops[left + 1][c] - value) * (at - left)));
      steps.push(`rgb(${mixed.join(" ")})`);
    }
    colour_cache.set(key, steps);
  }
  return colour_cache.get(key);
}

function heatStep(permille) {
  return Math.min(HEAT_STEPS - 1, Math.round(permille / 1000 * (HEAT_STEPS - 1)));
}

/* ---- light and dark ---- */

function prepareTheme() {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = document.getElementById("theme");
  const order = ["auto", "light", "dark"];
  let choice = "auto";
  const apply = () => {
    root.dataset.theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    chosen.textContent = { auto: "\u25d0 Auto", light: "\u2600 Light", dark: "\u263e Dark" }[choice];
    chosen.setAttribute("aria-label", `Colours: ${choice}. Change to ${order[(order.indexOf(choice) + 1) % 3]}.`);
    colour_cache.clear();
    page.tell("colours");
  };
  chosen.addEventListener("click", () => {
    choice = order[(order.indexOf(choice) + 1) % 3];
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
