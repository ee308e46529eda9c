// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <string_view>

namespace vmt::inline VMT_ABI::transcribe::detail {

/// Colours of the notes: Okabe and Ito's, which colour-blind people tell apart; fill, hatching and outline differ too.
inline constexpr std::string_view report_style = R"css(
:root { --ink: #1c2733; --soft: #5b6b7b; --line: #d9e0e7; --page: #f5f7f9; --found: #0072b2; --extra: #e69f00;
  --missed: #b23a00; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans",
  "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0; }
.kind { color: var(--soft); font-size: 13px; letter-spacing: .06em; text-transform: uppercase; margin: 0 0 4px; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 18px 20px; margin-top: 18px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 18px; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; }
.card b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 13px; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 18px; margin-bottom: 10px; }
.bar .space { flex: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--soft); }
.legend svg { vertical-align: -2px; margin-right: 6px; }
button { font: inherit; font-size: 13px; color: var(--ink); background: #fff; border: 1px solid #b9c4cf;
  border-radius: 6px; padding: 3px 11px; cursor: pointer; }
button:hover { background: #eef3f7; }
canvas { display: block; width: 100%; touch-action: pan-y; }
canvas:focus-visible, button:focus-visible { outline: 2px solid var(--found); outline-offset: 2px; }
#roll { height: 420px; cursor: grab; }
#heat { height: 190px; cursor: grab; }
#overview { height: 64px; cursor: pointer; margin-top: 10px; }
.caption { color: var(--soft); font-size: 13px; margin: 12px 0 4px; }
kbd { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; border: 1px solid var(--line); border-radius: 4px;
  padding: 0 4px; background: var(--page); }
table { border-collapse: collapse; width: 100%; margin-top: 10px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: 13px; }
td.n, th.n { text-align: right; }
td { overflow-wrap: anywhere; }
.facts th { width: 15em; font-weight: 400; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 14px 20px;
  margin-top: 12px; }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: 13px; color: var(--soft); margin-top: 4px; }
#tip { position: fixed; pointer-events: none; background: #1c2733; color: #fff; font-size: 12.5px; line-height: 1.4;
  padding: 5px 9px; border-radius: 5px; white-space: pre; display: none; z-index: 9; }
@media (max-width: 640px) { main { padding: 16px 10px; } .pictures { grid-template-columns: 1fr; } }
@media print { body { background: #fff; } section, .card { break-inside: avoid; } button { display: none; } }
)css";

/// Draws the piano roll, the probabilities and the overview from `DATA`, which stands before it. When all is drawn, the
/// root element has the attribute `data-drawn`.
inline constexpr std::string_view report_script = R"js(
"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const roll = $("roll"), heat = $("heat"), overview = $("overview"), tip = $("tip");
  const names = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
  const pitchName = p => names[p % 12] + (Math.floor(p / 12) - 1);
  const black = p => [1, 3, 6, 8, 10].includes(p % 12);
  const clock = (t, digits) => {
    const m = Math.floor(t / 60 + 1e-9), s = Math.max(0, t - 60 * m).toFixed(digits);
    return m + ":" + s.padStart(digits ? digits + 3 : 2, "0");
  };
  const FOUND = 0, MATCHED = 1, EXTRA = 2, MISSED = 3;
  const colours = ["#0072b2", "#0072b2", "#e69f00", "#b23a00"];
  const kinds = ["found", "found, in the reference", "found, not in the reference", "missed"];
  const gutter = 46, axis = 22;
  const start = DATA.start, end = Math.max(DATA.end, start + 0.5);
  let from = start, to = Math.min(end, start + 20);
  let low = DATA.low, high = DATA.high;

  // The probabilities as a picture: a column for each moment, the highest key on top, 255 where nothing is known.
  const bytes = Uint8Array.from(atob(DATA.heat.values), c => c.charCodeAt(0));
  const { columns, keys } = DATA.heat;
  let picture = null;
  if (columns > 0) {
    picture = document.createElement("canvas");
    picture.width = columns;
    picture.height = keys;
    const context = picture.getContext("2d"), image = context.createImageData(columns, keys);
    const stops = [[255, 255, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]];
    for (let c = 0; c < columns; ++c) {
      for (let k = 0; k < keys; ++k) {
        const v = bytes[c * keys + k], at = 4 * ((keys - 1 - k) * columns + c);
        const x = v / 254 * 4, i = Math.min(3, Math.floor(x));
        for (let j = 0; j < 3; ++j) {
          image.data[at + j] = v === 255 ? 225 : stops[i][j] + (stops[i + 1][j] - stops[i][j]) * (x - i);
        }
        image.data[at + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
  }
  const peaks = new Float32Array(columns);
  for (let c = 0; c < columns; ++c) {
    let most = -1;
    for (let k = 0; k < keys; ++k) {
      if (bytes[c * keys + k] !== 255) most = Math.max(most, bytes[c * keys + k] / 254);
    }
    peaks[c] = most;
  }

  const surface = canvas => {
    const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    g.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    g.textBaseline = "middle";
    return { g, w, h };
  };
  const hatch = (() => {
    const c = document.createElement("canvas");
    c.width = c.height = 6;
    const g = c.getContext("2d");
    g.fillStyle = "#f6d48a";
    g.fillRect(0, 0, 6, 6);
    g.strokeStyle = "#b97800";
    g.lineWidth = 1.6;
    for (const d of [-6, 0, 6]) { g.beginPath(); g.moveTo(d, 6); g.lineTo(d + 6, 0); g.stroke(); }
    return c;
  })();

  const step = seconds => [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200].find(
    s => s >= seconds) || 14400;
  const xOf = (t, w) => gutter + (t - from) / (to - from) * (w - gutter);

  function timeAxis(g, w, top, bottom, labels) {
    const s = step((to - from) / Math.max(2, (w - gutter) / 90));
    g.strokeStyle = "#e6ebf0";
    g.fillStyle = "#5b6b7b";
    g.textAlign = "center";
    g.lineWidth = 1;
    for (let i = Math.ceil(from / s - 1e-9); i * s <= to + 1e-9; ++i) {
      const x = Math.round(xOf(i * s, w)) + 0.5;
      g.beginPath(); g.moveTo(x, top); g.lineTo(x, bottom); g.stroke();
      if (labels && x > gutter + 12 && x < w - 14) g.fillText(clock(i * s, s < 1 ? 1 : 0), x, bottom + axis / 2 + 1);
    }
  }

  function keyboard(g, w, rows, row, top) {
    for (let i = 0; i < rows; ++i) {
      const p = high - i, y = top + i * row;
      if (black(p)) { g.fillStyle = "#f1f4f7"; g.fillRect(gutter, y, w - gutter, row); }
      g.fillStyle = black(p) ? "#3a4653" : "#ffffff";
      g.fillRect(gutter - 14, y, 14, row);
      if (p % 12 === 0 || p % 12 === 5) {
        g.fillStyle = p % 12 === 0 ? "#b9c4cf" : "#e1e7ed";
        g.fillRect(gutter - 14, Math.round(y + row) - 0.5, w - gutter + 14, 1);
      }
      if (p % 12 === 0) {
        g.fillStyle = "#5b6b7b";
        g.textAlign = "right";
        g.fillText(pitchName(p), gutter - 19, y + row / 2);
      }
    }
  }

  let drawn = [];
  function drawRoll() {
    const { g, w, h } = surface(roll), bottom = h - axis, rows = high - low + 1, row = bottom / rows;
    keyboard(g, w, rows, row, 0);
    timeAxis(g, w, 0, bottom, true);
    g.save();
    g.beginPath(); g.rect(gutter, 0, w - gutter, bottom); g.clip();
    drawn = [];
    const pattern = g.createPattern(hatch, "repeat");
    for (const n of DATA.notes) {
      if (n[1] < from || n[0] > to) continue;
      const x = xOf(n[0], w), width = Math.max(2.5, xOf(n[1], w) - x - 0.5), kind = n[5];
      const y = (high - n[2]) * row, height = Math.max(2, row - 1);
      if (kind === MISSED) {
        g.strokeStyle = colours[MISSED];
        g.lineWidth = 1.5;
        g.setLineDash([3, 2]);
        g.fillStyle = "rgba(178, 58, 0, 0.07)";
        g.fillRect(x, y, width, height);
        g.strokeRect(x + 0.75, y + 0.75, Math.max(1, width - 1.5), Math.max(1, height - 1.5));
        g.setLineDash([]);
      } else {
        g.globalAlpha = kind === FOUND ? 0.45 + 0.55 * n[4] : 1;
        g.fillStyle = kind === EXTRA ? pattern : colours[kind];
        g.fillRect(x, y, width, height);
        g.globalAlpha = 1;
        g.fillStyle = kind === EXTRA ? "#8a5a00" : "#00456e";
        g.fillRect(x, y, 2, height);
      }
      drawn.push([x, y, width, height, n]);
    }
    g.restore();
  }

  function drawHeat() {
    const { g, w, h } = surface(heat), rows = high - low + 1, row = h / rows;
    keyboard(g, w, rows, row, 0);
    if (picture) {
      const a = (from - DATA.heat.start) / DATA.heat.step, b = (to - DATA.heat.start) / DATA.heat.step;
      g.imageSmoothingEnabled = false;
      g.save();
      g.beginPath(); g.rect(gutter, 0, w - gutter, h); g.clip();
      g.fillStyle = "#e1e1e1";
      g.fillRect(gutter, 0, w - gutter, h);
      const scale = (w - gutter) / (b - a), top = (high - (DATA.heat.lowest + keys - 1)) * row;
      g.drawImage(picture, gutter - a * scale, top, columns * scale, keys * row);
      g.restore();
    }
    timeAxis(g, w, 0, h, false);
  }

  function drawOverview() {
    const { g, w, h } = surface(overview), wide = w - gutter, bottom = h - 1;
    const x = t => gutter + (t - start) / (end - start) * wide;
    g.fillStyle = "#f1f4f7";
    g.fillRect(gutter, 0, wide, bottom);
    g.fillStyle = "#7fb2d6";
    for (let c = 0; c < columns; ++c) {
      if (peaks[c] < 0) continue;
      const t = DATA.heat.start + c * DATA.heat.step;
      const width = Math.max(1, x(t + DATA.heat.step) - x(t) + 0.3);
      g.fillRect(x(t), bottom - peaks[c] * (bottom - 4), width, peaks[c] * (bottom - 4));
    }
    g.fillStyle = "#5b6b7b";
    g.textAlign = "right";
    g.fillText("1", gutter - 6, 8);
    g.fillText("0", gutter - 6, bottom - 6);
    g.fillStyle = "rgba(28, 39, 51, 0.10)";
    g.fillRect(gutter, 0, x(from) - gutter, bottom);
    g.fillRect(x(to), 0, w - x(to), bottom);
    g.strokeStyle = "#1c2733";
    g.lineWidth = 1.5;
    g.strokeRect(x(from) + 0.75, 0.75, Math.max(3, x(to) - x(from) - 1.5), bottom - 1.5);
  }

  function draw() {
    drawRoll();
    drawHeat();
    drawOverview();
    $("where").textContent = clock(from, 1) + " – " + clock(to, 1) + " of " + clock(end, 1);
  }
  function show(a, b) {
    const length = Math.min(end - start, Math.max(0.5, b - a));
    from = Math.min(Math.max(start, a), end - length);
    to = from + length;
    draw();
  }
  const zoom = (factor, centre = (from + to) / 2) => show(centre - (centre - from) * factor,
    centre + (to - centre) * factor);
  const pan = part => show(from + part * (to - from), to + part * (to - from));
)js";

/// What the reader does: buttons, keys, wheel, dragging, pointing.
inline constexpr std::string_view report_controls = R"js(
  const actions = { left: () => pan(-0.25), right: () => pan(0.25), "in": () => zoom(0.6), out: () => zoom(1 / 0.6),
    all: () => show(start, end) };
  for (const b of document.querySelectorAll("button[data-do]")) b.onclick = actions[b.dataset.do];
  const onKey = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { ArrowLeft: actions.left, ArrowRight: actions.right, ArrowUp: actions.in, ArrowDown: actions.out,
      "+": actions.in, "=": actions.in, "-": actions.out, "0": actions.all, PageUp: () => pan(-1),
      PageDown: () => pan(1), Home: () => show(start, start + to - from), End: () => show(end - to + from, end)
    }[event.key];
    if (act) { act(); event.preventDefault(); }
  };
  const timeAt = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    return from + (event.clientX - box.left - gutter) / (box.width - gutter) * (to - from);
  };
  for (const canvas of [roll, heat]) {
    canvas.addEventListener("keydown", onKey);
    canvas.addEventListener("wheel", event => {
      if (event.ctrlKey) zoom(Math.exp(event.deltaY * 0.004), timeAt(canvas, event));
      else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        pan((event.deltaX || event.deltaY) / canvas.clientWidth);
      } else return;
      event.preventDefault();
    }, { passive: false });
    let grip = null;
    canvas.addEventListener("pointerdown", event => {
      grip = { x: event.clientX, from, to };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (!grip) return;
      const d = (grip.x - event.clientX) / (canvas.clientWidth - gutter) * (grip.to - grip.from);
      show(grip.from + d, grip.to + d);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { grip = null; });
  }
  const jump = event => {
    const box = overview.getBoundingClientRect(), half = (to - from) / 2;
    const t = start + (event.clientX - box.left - gutter) / (box.width - gutter) * (end - start);
    show(t - half, t + half);
  };
  overview.addEventListener("keydown", onKey);
  overview.addEventListener("pointerdown", event => { overview.setPointerCapture(event.pointerId); jump(event); });
  overview.addEventListener("pointermove", event => { if (event.buttons & 1) jump(event); });
  const tell = (event, text) => {
    tip.textContent = text;
    tip.style.display = "block";
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = event.clientY + 16 + "px";
  };
  roll.addEventListener("pointermove", event => {
    const box = roll.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const hit = drawn.findLast(d => x >= d[0] - 2 && x <= d[0] + d[2] + 2 && y >= d[1] && y <= d[1] + d[3] + 1);
    if (!hit) { tip.style.display = "none"; return; }
    const n = hit[4];
    tell(event, pitchName(n[2]) + " (" + n[2] + "), " + kinds[n[5]] + "\n" + n[0].toFixed(3) + " s, for " +
      (n[1] - n[0]).toFixed(3) + " s" + (n[5] === MISSED ? "" : "\nprobability " + n[4].toFixed(2)));
  });
  heat.addEventListener("pointermove", event => {
    const box = heat.getBoundingClientRect(), t = timeAt(heat, event);
    const p = high - Math.floor((event.clientY - box.top) / box.height * (high - low + 1));
    const c = Math.floor((t - DATA.heat.start) / DATA.heat.step), k = p - DATA.heat.lowest;
    if (t < from || c < 0 || c >= columns || k < 0 || k >= keys) { tip.style.display = "none"; return; }
    const v = bytes[c * keys + k];
    tell(event, pitchName(p) + " at " + t.toFixed(2) + " s: " + (v === 255 ? "not judged" : (v / 254).toFixed(2)));
  });
  for (const canvas of [roll, heat]) canvas.addEventListener("pointerleave", () => { tip.style.display = "none"; });
  window.addEventListener("resize", draw);
  draw();
  document.documentElement.dataset.drawn = DATA.notes.length;
})();
)js";

}  // namespace vmt::inline VMT_ABI::transcribe::detail
