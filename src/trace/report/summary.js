/* The summary: what ran, on what, how long it took in all and for each token. With two runs, how they differ. */

function perToken(run) {
  const model = run.data.model;
  if (!model?.tokens) return null;
  return (model.decode_ps ?? run.makespan_ps) / model.tokens;
}

/* What part of the time the dispatches would take if each of them ran at its roof, one after another. */
function roofShare(run) {
  const bound_ps = run.ops.reduce((sum, group) => sum + group.bound_ps, 0);
  return bound_ps > 0 && run.makespan_ps > 0 ? bound_ps / run.makespan_ps : null;
}

/* name, value or null, as text, what it is about, and whether less is better. */
function measures(run) {
  const counters = run.data.counters ?? {}, model = run.data.model ?? {};
  const list = [
    { name: "Makespan", value: run.makespan_ps, text: timeText, note: `${exactText(run.makespan_ps)}`, less: true },
    { name: "Per token", value: perToken(run), text: timeText,
      note: model.tokens && `${countText(model.tokens)} tokens`, less: true },
    { name: "Tokens per second", value: perToken(run) ? 1e12 / perToken(run) : null,
      text: (rate) => (rate >= 1000 ? countText(rate) : digits(rate)), less: false },
    { name: "Prompt", value: model.prompt_ps ?? null, text: timeText,
      note: model.prompt_tokens && `${countText(model.prompt_tokens)} tokens`, less: true },
    { name: "Of the roofline", value: roofShare(run), text: percentText, less: false,
      note: "if each dispatch ran at its roof" },
    { name: "Command buffers", value: counters.command_buffers ?? (run.buffers.length || null), text: countText,
      less: true },
    { name: "Dispatches", value: counters.dispatches ?? (run.dispatches.length || null), text: countText, less: true },
  ];
  for (const [key, name] of [["barriers", "Barriers"], ["fences_signalled", "Fences signalled"],
    ["fence_waits", "Fence waits"], ["syncs", "Syncs"]])
    list.push({ name, value: counters[key] ?? null, text: countText, less: true });
  list.push({ name: "Hazards", value: run.hazards ? run.hazards.length : null, text: countText, less: true });
  return list.filter((it) => it.value !== null && it.value !== undefined);
}

function tiles(run) {
  return h("dl", { class: "tiles" }, measures(run).map((it, i) =>
    h("div", { class: i === 0 ? "tile first" : "tile" }, h("dt", null, it.name),
      h("dd", null, it.text(it.value), it.note ? h("small", null, it.note) : null))));
}

function factsOf(run) {
  const { data } = run, machine = data.machine, model = data.model;
  const shape = machine && [[machine.sips, "SIP"], [machine.cubes, "cube"], [machine.pes, "PE"]]
    .filter(([count]) => count).map(([count, what]) =>
      `${countText(count)} ${what}${count === 1 ? "" : "s"}`).join(" \u00d7 ");
  const pairs = [
    ["Command", h("code", null, data.command)],
    ["Device", h("code", null, data.device)],
    ["Times", data.clock === "host" ? "of the host's clock" : "of the simulated machine"],
    ["Machine", machine && (shape ? `${machine.name}: ${shape}` : machine.name)],
    ...(machine?.facts ?? []).map((fact) => [fact.name, String(fact.value)]),
    ["Model", model?.name], ["Prompt", model?.prompt], ["Answer", model?.answer],
    ...(data.facts ?? []).map((fact) => [fact.name, String(fact.value)]),
    ["Peaks", data.peaks && [data.peaks.flops_per_second && flopRateText(data.peaks.flops_per_second),
      data.peaks.bytes_per_second && byteRateText(data.peaks.bytes_per_second)].filter(Boolean).join(", ")],
    ["Run file", run.file],
  ];
  return describe(pairs);
}

function comparedMeasures(a, b) {
  const other = new Map(measures(b).map((it) => [it.name, it]));
  const rows = measures(a).filter((it) => other.has(it.name)).map((it) => {
    const to = other.get(it.name).value, from = it.value;
    const is_better = from === to ? null : (to < from) === it.less;
    const verdict = is_better === null ? "same" : is_better ? "better" : "worse";
    return h("tr", null, h("th", { scope: "row" }, it.name), h("td", { class: "number" }, it.text(from)),
      h("td", { class: "number" }, it.text(to)), h("td", { class: "number" }, changeText(from, to)),
      h("td", { class: verdict }, verdict));
  });
  return h("div", { class: "plain-box" }, h("table", { id: "compared-summary" },
    h("caption", null, `B against A: the makespan ${verdictOnTime(a.makespan_ps, b.makespan_ps)}.`),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Measure"),
      ["A", "B", "Change"].map((name) => h("th", { scope: "col", class: "number" }, name)),
      h("th", { scope: "col" }, "B is"))),
    h("tbody", null, rows)));
}

function verdictOnTime(from, to) {
  if (from === to) return "is the same";
  const times = from > to ? from / to : to / from;
  return `is ${timeText(Math.abs(to - from))} ${to < from ? "shorter" : "longer"}, ${digits(times, 3)} times ` +
    (to < from ? "as fast" : "as long");
}

function showSummary(runs) {
  const { element } = section("summary", "Summary");
  if (runs.length === 1)
    return void element.append(tiles(runs[0]), factsOf(runs[0]));
  element.append(comparedMeasures(runs[0], runs[1]), h("div", { class: "sides" }, runs.map((run) =>
    h("div", null, h("h3", null, runTag(run), ` Run ${run.tag}`), factsOf(run)))));
}
