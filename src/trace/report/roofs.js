/* The roofs that dispatches are measured by: how fast arithmetic, or memory, could be at most, for the dtypes and PEs
 * of each of them. Dispatches whose roofs are equal, as far as whole picoseconds tell, share one. */

const ROOFS_DRAWN = 6, ROOFS_MOST = 64;

/* How much in a second, by the time that the run file or the peaks give for all of it; null: no such roof. */
const rateOf = (amount, bound_ps) => (amount > 0 && bound_ps > 0 ? amount / bound_ps * 1e12 : null);

/* Whether a rate can be that of a dispatch, whose time is rounded if it stands in the file. */
function fitsRate(rate, amount, bound_ps, is_rounded) {
  const off_ps = is_rounded ? 1 : 0;
  return amount / (bound_ps + off_ps) * 1e12 <= rate * 1.005 &&
    (bound_ps <= off_ps || amount / (bound_ps - off_ps) * 1e12 >= rate / 1.005);
}

/* A rate from a rounded time, or the peak of the run if that can be meant. */
function rateOfRoof(it, compute) {
  const [amount, bound_ps] = compute ? [it.flops, it.compute_ps] : [it.bytes, it.memory_ps];
  const peak = it.run.peaks?.[compute ? "flops_per_second" : "bytes_per_second"];
  return peak && fitsRate(peak, amount, bound_ps, true) ? peak : rateOf(amount, bound_ps);
}

/* The roofs of one kind; those that most time is spent below come first. What a dispatch has goes to it.roof_of. */
function collectRoofs(dispatches, kind) {
  const compute = kind === "compute", found = [];
  const amountOf = (it) => (compute ? it.flops : it.bytes), boundOf = (it) => (compute ? it.compute_ps : it.memory_ps);
  const isRounded = (it) => (compute ? it.data.compute_bound_ps : it.data.memory_bound_ps) !== undefined;
  const having = dispatches.filter((it) => rateOf(amountOf(it), boundOf(it)) !== null);
  /* The longer a time is, the less its rounding matters: it is the one to go by. */
  for (const it of having.sort((a, b) => boundOf(b) - boundOf(a))) {
    let roof = found.find(({ rate }) => fitsRate(rate, amountOf(it), boundOf(it), isRounded(it)));
    if (!roof && found.length < ROOFS_MOST) {
      roof = { kind, rate: rateOfRoof(it, compute), count: 0, duration_ps: 0, ops: new Set(), pes: new Set(),
        tags: new Set() };
      found.push(roof);
    }
    if (!roof) continue;
    roof.count++;
    roof.duration_ps += it.duration_ps;
    roof.ops.add(it.op);
    if (it.data.pes) roof.pes.add(it.data.pes);
    roof.tags.add(it.run.tag);
    it.roof_of[kind] = roof;
  }
  return found.sort((a, b) => b.duration_ps - a.duration_ps);
}

/* All roofs of the plot, each with the one of the other kind that it meets: of a roof of arithmetic the slowest memory
 * that goes with it, of one of memory the fastest arithmetic. */
function roofsOf(dispatches) {
  for (const it of dispatches) it.roof_of = { compute: null, memory: null };
  const compute = collectRoofs(dispatches, "compute"), memory = collectRoofs(dispatches, "memory");
  for (const { roof_of: { compute: above, memory: beside } } of dispatches) {
    if (!above || !beside) continue;
    if (!above.meets || beside.rate < above.meets.rate) above.meets = beside;
    if (!beside.meets || above.rate > beside.meets.rate) beside.meets = above;
  }
  const is_drawn = (roof, i) => i < ROOFS_DRAWN;
  return { all: [...compute, ...memory], drawn: [...compute.filter(is_drawn), ...memory.filter(is_drawn)] };
}

/* What limits a dispatch, as a rate: 2.048 TB/s. */
function roofText(it) {
  const compute = it.bound === "compute", roof = it.roof_of[it.bound];
  return compute ? flopRateText(roof?.rate ?? rateOf(it.flops, it.compute_ps))
    : byteRateText(roof?.rate ?? rateOf(it.bytes, it.memory_ps));
}

function shareText(it) {
  const has_rate = it.bound === "compute" ? it.flops > 0 : it.bytes > 0;
  return `${percentText(it.roof)} of its roof${has_rate ? ` of ${roofText(it)}` : ""}`;
}

const rateText = (roof) => (roof.kind === "compute" ? flopRateText : byteRateText)(roof.rate);

function tagsText(roof, has_many) {
  return has_many ? ` (${[...roof.tags].sort().join(", ")})` : "";
}

/* What has which roof, in words. */
function roofList(roofs, has_many) {
  const pesText = (roof) => (roof.pes.size === 1 ? ` on ${manyText([...roof.pes][0], "PE")}` : "");
  return h("ul", { class: "roofs" }, roofs.drawn.map((roof) => h("li", null,
    h("b", null, rateText(roof)), tagsText(roof, has_many), `: ${manyText(roof.count, "dispatch", "dispatches")} of `,
    [...roof.ops].sort().join(", "), pesText(roof))));
}
