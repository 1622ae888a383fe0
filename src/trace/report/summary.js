/* The summary: what ran, on what, how long it took in all and for each token. With two runs, how they differ. */

/* The first token comes of the prompt's pass, each of the others of a pass of its own: what such a pass takes on
 * average. Without these times, what is left is a share of everything. */
function perToken(run) {
  const { tokens = 0, decode_ps } = run.data.model ?? {}, passes = tokens - 1;
  if (tokens === 0) return null;
  if (decode_ps === undefined)
    return { ps: run.makespan_ps / tokens, note: `of all, for ${manyText(tokens, "token")}` };
  if (passes === 0) return { ps: null, note: "no pass after the prompt's" };
  return { ps: decode_ps / passes, note: `${manyText(passes, "pass", "passes")} after the prompt's` };
}

/* What part of the time the dispatches would take if each of them ran at its roof, one after another. */
function roofShare(run) {
  const bound_ps = run.ops.reduce((sum, group) => sum + group.bound_ps, 0);
  return bound_ps > 0 && run.makespan_ps > 0 ? bound_ps / run.makespan_ps : null;
}

/* name, value or null, as text, what it is about, and whether less is better. What has no value and yet something to
 * say about that is shown too. */
function measures(run) {
  const counters = run.data.counters ?? {}, model = run.data.model ?? {}, token = perToken(run);
  const list = [
    { name: "Makespan", value: run.makespan_ps, text: timeText, note: `${exactText(run.makespan_ps)}`, less: true },
    { name: "Per token", value: token?.ps, text: timeText, note: token?.note, less: true },
    { name: "Tokens per second", value: token?.ps ? 1e12 / token.ps : null,
      text: (rate) => (rate >= 1000 ? countText(rate) : digits(rate)), less: false },
    { name: "Prompt", value: model.prompt_ps, text: timeText,
      note: model.prompt_tokens && manyText(model.prompt_tokens, "token"), less: true },
    { name: "Of the roofline", value: roofShare(run), text: percentText, less: false,
      note: roofShare(run) === null ? null : "if each dispatch ran at its roof" },
    { name: "Command buffers", value: counters.command_buffers ?? (run.buffers.length || null), text: countText,
      less: true },
    { name: "Dispatches", value: counters.dispatches ?? (run.dispatches.length || null), text: countText, less: true },
  ];
  for (const [key, name] of [["barriers", "Barriers"], ["fences_signalled", "Fences signalled"],
    ["fence_waits", "Fence waits"], ["syncs", "Syncs"]])
    list.push({ name, value: counters[key] ?? null, text: countText, less: true });
  list.push({ name: "Hazards", value: run.hazards ? run.hazards.length : null, text: countText, less: true });
  return list.map((it) => ({ ...it, value: it.value ?? null })).filter((it) => it.value !== null || it.note);
}

function tiles(run) {
  return h("dl", { class: "tiles" }, measures(run).map((it, i) =>
    h("div", { class: i === 0 ? "tile first" : "tile" }, h("dt", null, it.name),
      h("dd", null, it.value === null ? DASH : it.text(it.value), it.note ? h("small", null, it.note) : null))));
}

function factsOf(run) {
  const { data } = run, machine = data.machine, model = data.model;
  const shape = machine && [[machine.sips, "SIP"], [machine.cubes, "cube"], [machine.pes, "PE"]]
    .filter(([count]) => count).map(([count, what]) => manyText(count, what)).join(" \u00d7 ");
  const pairs = [
    ["Command", h("code", null, data.command)],
    ["Device", h("code", null, data.device)],
    ["Times", data.clock === "host" ? "of the host's clock" : "of the simulated machine"],
    ["Machine", machine && (shape ? `${machine.name}: ${shape}` : machine.name)],
    ...(machine?.facts ?? []).map((fact) => [fact.name, String(fact.value)]),
    ["Model", model?.name], ["Prompt", model?.prompt], ["Answer", model?.answer],
    ...(data.facts ?? []).map((fact) => [fact.name, String(fact.value)]),
    ["Peaks", data.peaks && usesPeaks(run) && [data.peaks.flops_per_second && flopRateText(data.peaks.flops_per_second),
      data.peaks.bytes_per_second && byteRateText(data.peaks.bytes_per_second)].filter(Boolean).join(", ")],
    ["Run file", run.file],
  ];
  return describe(pairs);
}

/* Times of a simulated machine and times that a host has measured say nothing about each other: then nothing is called
 * better or worse. */
const areComparable = (a, b) => (a.data.clock ?? "simulated") === (b.data.clock ?? "simulated");

/* The class of a change: whether less is better, or nothing is said. */
function verdictOf(runs, from, to, less_is_better = true) {
  if (!areComparable(...runs)) return "";
  return to === from ? "same" : (to < from) === less_is_better ? "better" : "worse";
}

function clockCaution(runs) {
  if (areComparable(...runs)) return null;
  const [host, simulated] = runs[0].data.clock === "host" ? runs : [runs[1], runs[0]];
  return h("p", { class: "caution", role: "note" }, h("b", null, "Different clocks. "),
    `Run ${host.tag} was measured with the clock of its host, run ${simulated.tag} tells the time of a simulated ` +
    "machine. The numbers stand side by side, but how they differ says nothing about which of the two is faster.");
}

function comparedMeasures(a, b) {
  const has_verdict = areComparable(a, b), other = new Map(measures(b).map((it) => [it.name, it]));
  const rows = measures(a).filter((it) => it.value !== null && (other.get(it.name)?.value ?? null) !== null)
    .map((it) => {
      const to = other.get(it.name).value, from = it.value, verdict = verdictOf([a, b], from, to, it.less);
      return h("tr", null, h("th", { scope: "row" }, it.name), h("td", { class: "number" }, it.text(from)),
        h("td", { class: "number" }, it.text(to)), h("td", { class: "number" }, changeText(from, to)),
        has_verdict ? h("td", { class: verdict }, verdict) : null);
    });
  return [clockCaution([a, b]),
    has_verdict ? h("p", { id: "compared-verdict" },
      `B against A: the makespan ${verdictOnTime(a.makespan_ps, b.makespan_ps)}.`) : null,
    h("div", { class: "plain-box" }, h("table", { id: "compared-summary" },
      h("caption", { class: "unseen" }, "Both runs in numbers"),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Measure"),
        ["A", "B", "Change"].map((name) => h("th", { scope: "col", class: "number" }, name)),
        has_verdict ? h("th", { scope: "col" }, "B is") : null)),
      h("tbody", null, rows)))];
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
  element.append(...comparedMeasures(runs[0], runs[1]).filter(Boolean), h("div", { class: "sides" }, runs.map((run) =>
    h("div", null, h("h3", null, runTag(run), ` Run ${run.tag}`), factsOf(run)))));
}
