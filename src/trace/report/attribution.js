/* Where the time went, as stacked bars whose parts are all of it. */

/* A bar of parts {name, ps}; together they are 100 %. Its text alternative says each of them. The parts of a whole run
 * look otherwise than those of PEs. */
function stackedBar(parts, what, { is_thin = false, is_of_run = false } = {}) {
  const total = parts.reduce((sum, part) => sum + part.ps, 0);
  const text = parts.map((part) => `${part.name} ${percentText(part.ps / total)}`).join(", ");
  return h("div", { class: is_thin ? "bar thin" : "bar", role: "img", "aria-label": `${what}: ${text}` },
    parts.map((part) => barPiece(part, total, is_of_run)));
}

function barPiece(part, total, is_of_run) {
  const share = part.ps / total;
  const piece = h("span", { "data-part": part.name }, h("span", null, percentText(share)));
  piece.style.flexGrow = share;
  piece.dataset.colour = fillAsPart(piece, part.name, is_of_run);
  piece.style.color = inkOn(colourOf(piece.dataset.colour));
  piece.addEventListener("pointermove", (event) =>
    tip.show([part.name, `${timeText(part.ps)}, ${percentText(share)}`], event.clientX, event.clientY));
  piece.addEventListener("pointerleave", () => tip.hide());
  return piece;
}

/* Dark and light text on bars change with the colours below it. */
function inkBars() {
  for (const piece of document.querySelectorAll(".bar > span"))
    piece.style.color = inkOn(colourOf(piece.dataset.colour));
}

function swatch(colour) {
  const element = h("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = `var(--${colour})`;
  return element;
}

function partsLegend(parts, { has_times = false, is_of_run = false } = {}) {
  const total = parts.reduce((sum, part) => sum + part.ps, 0);
  return h("ul", { class: "legend" }, parts.map((part) => {
    const swatch = h("span", { class: "swatch", "aria-hidden": "true", "data-part": part.name });
    fillAsPart(swatch, part.name, is_of_run);
    return h("li", null, swatch, part.name,
      has_times ? h("span", { class: "of" }, `${timeText(part.ps)}, ${percentText(part.ps / total)}`) : null);
  }));
}

function barLine(name, bar, number, of) {
  return h("div", { class: "lines-row" }, h("span", { class: "lines-name", title: name }, name), bar,
    h("span", { class: "lines-number" }, number, h("span", { class: "of" }, of)));
}

/* Parts of many in one order: that of what they add up to, with work first and idle last. */
const PLACES = { compute: -1, idle: 1 };

function orderOfParts(lists) {
  const sums = new Map();
  for (const parts of lists)
    for (const part of parts) sums.set(part.name, (sums.get(part.name) ?? 0) + part.ps);
  return [...sums.keys()].sort((a, b) => (PLACES[a] ?? 0) - (PLACES[b] ?? 0) || sums.get(b) - sums.get(a));
}

const inOrder = (parts, order) => [...parts].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
const listOf = (map) => [...map].map(([name, ps]) => ({ name, ps }));

function opBars(run) {
  const groups = run.ops.filter((group) => group.parts.size > 0);
  if (groups.length === 0) return null;
  const order = orderOfParts(groups.map((group) => listOf(group.parts)));
  const sumOf = (name) => groups.reduce((sum, group) => sum + (group.parts.get(name) ?? 0), 0);
  const legend = order.map((name) => ({ name, ps: sumOf(name) }));
  const all_ps = run.ops.reduce((sum, group) => sum + group.duration_ps, 0);
  return [h("h3", null, "PEs during the dispatches of each op"),
    partsLegend(legend),
    h("div", { class: "lines op-bars" }, groups.map((group) => barLine(`${group.op} \u00d7 ${countText(group.count)}`,
      stackedBar(inOrder(listOf(group.parts), order), group.op), timeText(group.duration_ps),
      percentText(group.duration_ps / all_ps)))),
    h("p", { class: "note" },
      "Behind each bar: the time of all dispatches of the op, and its share of the time of all " +
      "dispatches. Dispatches that overlap count each for itself.")];
}

const PES_SHOWN = 256;

function peBars(run) {
  const pes = (run.data.pes ?? []).map((pe) => ({ name: pe.name, parts: listOf(new Map(Object.entries(pe.parts)))
    .filter((part) => part.ps > 0) }));
  if (pes.length === 0) return null;
  const order = orderOfParts(pes.map((pe) => pe.parts));
  const workOf = (pe) => pe.parts.reduce((sum, part) => sum + (part.name === "idle" ? 0 : part.ps), 0);
  pes.sort((a, b) => workOf(b) - workOf(a));
  const more = pes.length > PES_SHOWN ? ` Shown are the ${PES_SHOWN} busiest of ${countText(pes.length)}.` : "";
  return [h("h3", null, "Each PE"), partsLegend(order.map((name) => ({ name, ps: 1 }))),
    h("div", { class: "lines scroll-y", tabindex: "0", role: "group", "aria-label": "Time of each PE" },
      pes.slice(0, PES_SHOWN).map((pe) => barLine(pe.name,
        stackedBar(inOrder(pe.parts, order), pe.name, { is_thin: true }), timeText(workOf(pe)),
        percentText(workOf(pe) / run.makespan_ps)))),
    h("p", { class: "note" }, `The busiest first; behind each bar, how long it was not idle.${more}`)];
}

function engineBars(run) {
  const engines = run.data.engines ?? [];
  if (engines.length === 0) return null;
  const fields = [["busy", "busy_ps"], ["stalled", "stall_ps"], ["idle", "idle_ps"]];
  return [h("h3", null, "Engines of the PEs"),
    partsLegend(fields.map(([name]) => ({ name, ps: 1 }))),
    h("div", { class: "lines" }, engines.map((engine) => {
      const parts = fields.map(([name, field]) => ({ name, ps: engine[field] })).filter((part) => part.ps > 0);
      return barLine(engine.name, stackedBar(parts, engine.name, { is_thin: true }),
        engine.bytes ? bytesText(engine.bytes) : DASH,
        percentText(engine.busy_ps / (engine.busy_ps + engine.stall_ps + engine.idle_ps)));
    })),
    h("p", { class: "note" },
      "Stalled: a command that needs the engine is under way elsewhere. Behind each bar: what it " +
      "moved, and how much of the time it was busy.")];
}

function attributionOf(run) {
  const overall = run.parts.length > 0 ? [stackedBar(run.parts, "The whole run", { is_of_run: true }),
    partsLegend(run.parts, { has_times: true, is_of_run: true })] : [];
  return [...overall, opBars(run), engineBars(run), peBars(run)].flat().filter(Boolean);
}

function showAttribution(runs) {
  const contents = runs.map(attributionOf);
  if (contents.every((content) => content.length === 0)) return;
  const { element } = section("time", "Where time goes");
  if (runs.length === 1) return void element.append(...contents[0]);
  element.append(h("div", { class: "sides" }, runs.map((run, i) => h("div", null,
    h("h3", null, runTag(run), ` ${timeText(run.makespan_ps)}`),
    ...(contents[i].length > 0 ? contents[i] : [h("p", { class: "note" }, "The run file does not say.")])))));
}
