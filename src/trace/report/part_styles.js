/* How parts of bars look: a colour and a pattern each, so that who does not see the one can go by the other. */

/* What PEs and engines do, in every report the same. */
const PE_STYLES = {
  compute: ["blue", "plain"], dma: ["orange", "up"], queue: ["green", "dots"], barrier: ["purple", "posts"],
  dispatch: ["yellow", "rows"], launch: ["sky", "down"], completion: ["rose", "cross"], idle: ["grey", "plain"],
  busy: ["blue", "plain"], stalled: ["orange", "up"],
};
/* What else a whole run is made of: what the host, the link and the command processor do. "kernels: compute" there is
 * what compute is of PEs, while "dispatch" and "barrier" are the command processor's. */
const RUN_STYLES = {
  "host access": ["part-access", "down"], submit: ["part-submit", "up"], "host link": ["part-link", "dots"],
  dispatch: ["part-command", "rows"], drain: ["part-drain", "posts"], barrier: ["part-order", "cross"],
  fence: ["part-fence", "dots"], sync: ["part-sync", "down"], "waiting for host": ["part-wait", "posts"],
  "under way": ["part-open", "rows"], launch: ["sky", "down"], completion: ["rose", "cross"],
  "between launches": ["part-open", "rows"], dispatches: ["blue", "plain"], "command buffers": ["part-command", "rows"],
  host: ["part-access", "down"],
};
const PATTERNS = ["plain", "up", "dots", "rows", "cross", "down", "posts"];
const PART_COLOURS = [...new Set([PE_STYLES, RUN_STYLES].flatMap((styles) =>
  Object.values(styles).map(([colour]) => colour)))];

function knownStyle(name, is_of_run) {
  if (!is_of_run) return PE_STYLES[name];
  const kernel = name.startsWith("kernels: ") ? PE_STYLES[name.slice(9)] : undefined;
  return kernel ?? RUN_STYLES[name];
}

/* Names are free: those that are not known take what no other part of such bars has, a colour of its own as long as
 * there is one. */
function giveStyles(names, is_of_run) {
  const styles = new Map(), used = new Set();
  for (const name of names) {
    const known = knownStyle(name, is_of_run);
    if (!known) continue;
    styles.set(name, known);
    used.add(known[0]);
  }
  const free = PART_COLOURS.filter((colour) => !used.has(colour));
  let next = 0;
  for (const name of names) {
    if (styles.has(name)) continue;
    const turn = Math.floor(next / PART_COLOURS.length);
    const colour = next < free.length ? free[next] : PART_COLOURS[next % PART_COLOURS.length];
    styles.set(name, [colour, PATTERNS[(next + turn) % PATTERNS.length]]);
    next++;
  }
  return styles;
}

/* The same for all runs of a page. */
function assignPartStyles(runs) {
  const namesOf = (lists) => [...new Set(lists.flatMap((parts) => parts.map((part) => part.name)))];
  const engines = ["busy", "stalled", "idle"].map((name) => ({ name }));
  const pes = runs.flatMap((run) => (run.data.pes ?? []).map((pe) => listOf(new Map(Object.entries(pe.parts)))));
  page.run_styles = giveStyles(namesOf(runs.map((run) => run.parts)), true);
  page.pe_styles = giveStyles(namesOf([engines, ...pes,
    ...runs.flatMap((run) => run.dispatches.map((dispatch) => dispatch.parts))]), false);
}

/* Fills an element as the part of that name. */
function fillAsPart(element, name, is_of_run) {
  const [colour, pattern] = (is_of_run ? page.run_styles : page.pe_styles).get(name);
  element.classList.add("fill", pattern);
  element.style.setProperty("--fill", `var(--${colour})`);
  return colour;
}
