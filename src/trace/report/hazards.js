/* Hazards: accesses whose order nothing guarantees. */

const HAZARDS_AT_FIRST = 50;

function hazardItem(hazard, run, timeline) {
  const has_time = hazard.time_ps !== undefined;
  return h("li", null,
    h("div", { class: "what" }, h("span", { class: "badge" }, hazard.kind),
      [hazard.kernel, hazard.call, hazard.pe].filter(Boolean).map((text) => h("code", null, text)),
      has_time ? h("span", null, `at ${timeText(hazard.time_ps)}`) : null,
      has_time && !timeline.isEmpty ? h("button", { type: "button", class: "quiet", onclick: () => {
        const half_ps = Math.max(50, run.makespan_ps / 200);
        timeline.show(hazard.time_ps - half_ps, hazard.time_ps + half_ps);
        document.getElementById("timeline").scrollIntoView();
        timeline.main.element.focus({ preventScroll: true });
      } }, "Show in the timeline") : null),
    h("p", null, hazard.text));
}

function hazardList(run, timeline) {
  if (run.hazards.length === 0) return h("p", { class: "fine" }, "None was found.");
  const items = run.hazards.slice(0, HAZARDS_AT_FIRST).map((it) => hazardItem(it, run, timeline));
  const list = h("ul", { class: "hazards" }, items);
  if (run.hazards.length <= HAZARDS_AT_FIRST) return list;
  const more = h("button", { type: "button", onclick: () => {
    list.append(...run.hazards.slice(HAZARDS_AT_FIRST).map((it) => hazardItem(it, run, timeline)));
    more.remove();
  } }, `Show all ${countText(run.hazards.length)}`);
  return h("div", null, list, h("p", null, more));
}

function showHazards(runs, timeline) {
  if (runs.every((run) => run.hazards === null)) return;
  const { element } = section("hazards", "Hazards");
  for (const run of runs) {
    if (run.tag) element.append(h("h3", null, runTag(run), ` Run ${run.tag}`));
    element.append(run.hazards ? hazardList(run, timeline)
      : h("p", { class: "note" }, "This run did not look for hazards."));
  }
}
