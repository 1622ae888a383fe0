/* Numbers as text: four digits at most where a unit can take the rest. */

const TIME_UNITS = [[1e12, "s"], [1e9, "ms"], [1e6, "\u00b5s"], [1e3, "ns"], [1, "ps"]];
const DASH = "\u2013";

function digits(value, wanted = 4) {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  const whole = Math.max(1, Math.floor(Math.log10(magnitude)) + 1);
  return value.toFixed(Math.max(0, Math.min(3, wanted - whole)));
}

function timeText(ps) {
  const magnitude = Math.abs(ps);
  const [size, unit] = TIME_UNITS.find(([unit_ps]) => magnitude >= unit_ps) ?? TIME_UNITS.at(-1);
  return size === 1 ? `${Math.round(ps)} ps` : `${digits(ps / size)} ${unit}`;
}

/* All of it, for tooltips and details: 578,832 ps. */
function exactText(ps) {
  return `${countText(ps)} ps`;
}

function countText(count) {
  return Math.round(count).toLocaleString("en-US");
}

/* 1 token, 4 tokens, 3 passes. */
function manyText(count, one, many = `${one}s`) {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

function scaledText(value, unit) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let step = 0;
  while (Math.abs(value) >= 999.95 && step + 1 < prefixes.length) {
    value /= 1000;
    step++;
  }
  return `${step === 0 && Number.isInteger(value) ? value : digits(value)} ${prefixes[step]}${unit}`;
}

const bytesText = (bytes) => scaledText(bytes, "B");
const flopsText = (flops) => scaledText(flops, "FLOP");
const flopRateText = (rate) => scaledText(rate, "FLOP/s");
const byteRateText = (rate) => scaledText(rate, "B/s");

/* A power of ten with its unit, for ticks: 100 GFLOP/s. */
function powerRateText(power, unit) {
  return scaledText(10 ** power, unit).replace(/\.0+ /, " ");
}

function percentText(part) {
  if (!Number.isFinite(part)) return DASH;
  const percent = 100 * part;
  return percent > 0 && percent < 0.05 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
}

/* Of lists too long for Math.min(...list). */
const least = (list) => list.reduce((a, b) => Math.min(a, b), Infinity);
const most = (list) => list.reduce((a, b) => Math.max(a, b), -Infinity);

/* A change with its sign: +12.3 %, -4.0 %. */
function changeText(from, to) {
  if (!(from > 0)) return DASH;
  const percent = 100 * (to - from) / from;
  if (to === from) return "0 %";
  const shown = Math.abs(percent) >= 1000 ? Math.round(percent).toLocaleString("en-US") : Math.abs(percent).toFixed(1);
  return `${percent < 0 ? "\u2212" : "+"}${shown.replace("-", "")} %`;
}

function signedTimeText(ps) {
  return ps === 0 ? "0" : `${ps < 0 ? "\u2212" : "+"}${timeText(Math.abs(ps))}`;
}

/* Where the ticks of an axis stand: about `wanted` of them at round numbers, and how their labels are written. */
function timeTicks(from, to, wanted) {
  const rough = (to - from) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? 10 * power;
  const far = Math.max(Math.abs(from), Math.abs(to));
  const [size, unit] = TIME_UNITS.find(([unit_ps]) => far >= unit_ps && step >= unit_ps / 1000)
    ?? TIME_UNITS.at(-1);
  const decimals = Math.max(0, Math.min(9, -Math.floor(Math.log10(step / size) + 1e-9)));
  const ticks = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++)
    ticks.push({ at: i * step, text: i === 0 ? "0" : `${(i * step / size).toFixed(decimals)} ${unit}` });
  return ticks;
}
