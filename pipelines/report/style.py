"""STYLE and SCRIPT: the page's look, and the two conveniences it has where scripts run."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1c2126; --soft: #59626b; --rule: #dfdcd4;
  --grid: #ebe8e1; --blue: #2166a5; --pale: #a9c6e2; --orange: #c2570c; --green: #1b7f6b;
  --alarm: #a4123f; --alarm-paper: #fbe9ee; --note-paper: #f3f1ea; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --card: #1b1f23; --ink: #e9e7e2; --soft: #a3abb3; --rule: #343a40;
  --grid: #272c31; --blue: #6fb0e8; --pale: #31536f; --orange: #f0944d; --green: #56c2a8;
  --alarm: #ff8fab; --alarm-paper: #3a1722; --note-paper: #20252a; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main, header, footer { max-width: 1140px; margin: 0 auto; padding: 0 28px; }
header { padding-top: 44px; }
h1, h2, .lede, .big { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif",
  "DejaVu Serif", Georgia, serif; }
h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); line-height: 1.15; margin: 6px 0 14px;
  font-weight: 600; letter-spacing: -0.01em; }
h1, h2, h3, p, li, dd, figcaption { overflow-wrap: anywhere; }
h2 { font-size: 1.4rem; font-weight: 600; margin: 0 0 4px; }
h3 { font-size: .92rem; font-weight: 600; margin: 0; }
section { margin: 46px 0 0; padding-top: 18px; border-top: 1px solid var(--rule); }
p { margin: 0 0 10px; }
.eyebrow { color: var(--soft); font-size: .82rem; letter-spacing: .08em; text-transform: uppercase;
  margin: 0; }
.lede { font-size: 1.22rem; line-height: 1.5; max-width: 47em; margin: 22px 0 0; }
.about { max-width: 48em; color: var(--soft); margin-bottom: 18px; font-size: .95rem; }
.about.below { margin: 16px 0 0; }
.small, figcaption, .scope { color: var(--soft); font-size: .84rem; line-height: 1.45; margin: 0; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.absent { color: var(--soft); font-style: italic; }
dl.facts { display: flex; flex-wrap: wrap; gap: 10px 34px; margin: 0; padding: 14px 0 0;
  border-top: 1px solid var(--rule); }
dl.facts dt { color: var(--soft); font-size: .78rem; } dl.facts dd { margin: 0; }
.alarm, .note { padding: 14px 18px; border-radius: 6px; margin: 22px 0 0; }
.alarm { background: var(--alarm-paper); border-left: 6px solid var(--alarm); }
.alarm strong, td .unbalanced { color: var(--alarm); letter-spacing: .04em; font-weight: 700; }
.alarm a { color: inherit; }
.note { background: var(--note-paper); }
.alarm p, .note p { margin: 0; }
.cards { display: grid; gap: 14px; margin-top: 18px;
  grid-template-columns: repeat(auto-fill, minmax(232px, 1fr)); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 14px 16px 12px; display: flex; flex-direction: column; gap: 3px; }
.card .big { font-size: 2.05rem; line-height: 1.15; margin: 2px 0; }
.card .big .absent { font-size: 1.15rem; }
.card .unit { font-size: .86rem; color: var(--soft); margin: -2px 0 4px; line-height: 1.3; }
.card .says { font-size: .88rem; margin: 0; line-height: 1.4; }
.card .small { margin-top: auto; padding-top: 6px; }
figure { margin: 18px 0 0; }
.scroll { overflow-x: auto; --under: var(--paper); --shade: rgb(90 90 90 / .35);
  background: linear-gradient(90deg, var(--under) 30%, transparent) 0 / 36px 100% no-repeat local,
    linear-gradient(270deg, var(--under) 30%, transparent) 100% / 36px 100% no-repeat local,
    linear-gradient(90deg, var(--shade), transparent) 0 / 12px 100% no-repeat scroll,
    linear-gradient(270deg, var(--shade), transparent) 100% / 12px 100% no-repeat scroll; }
.plot .scroll { --under: var(--card); } p.small + p.small { margin-top: 8px; }
.scroll > svg { min-width: 720px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { font-weight: 600; font-size: 13px; }
svg .callout { font-size: 12.5px; font-weight: 600; paint-order: stroke; stroke: var(--card);
  stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); stroke-opacity: .55; }
.plot { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 12px 14px 8px; }
rect.pale { fill: var(--pale); } rect.blue { fill: var(--blue); }
rect.orange { fill: var(--orange); }
rect.green { fill: var(--green); } rect.missing { fill: var(--alarm); }
rect.ended { fill: var(--soft); fill-opacity: .45; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.blue { stroke: var(--blue); } .line.green { stroke: var(--green); }
.line.ink { stroke: var(--ink); stroke-width: 1.6; }
.band { opacity: .22; } .band.blue, .interval.blue { fill: var(--blue); }
.interval { opacity: .35; } .interval.orange { fill: var(--orange); }
circle.blue { fill: var(--blue); } circle.orange { fill: var(--orange); }
circle.ink { fill: var(--ink); }
.point { stroke: transparent; stroke-width: 8; } .ring { fill: none; stroke: var(--ink); }
.error { fill: none; stroke: var(--ink); stroke-width: 1.4; }
.mark:hover { fill-opacity: .7; } figcaption:empty { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: .86rem; margin: 0 0 8px;
  padding: 0; list-style: none; }
.legend li { padding-left: 25px; text-indent: -25px; }
.legend i { display: inline-block; width: 18px; height: 10px; margin-right: 7px; }
.legend i.pale { background: var(--pale); } .legend i.orange { background: var(--orange); }
.legend i.missing, .legend i.ended { background: var(--alarm); height: 5px; vertical-align: 3px; }
.legend i.ended { background: var(--soft); opacity: .45; }
.legend i.line-blue { height: 3px; background: var(--blue); vertical-align: 3px; }
.legend i.line-ink { height: 2px; background: var(--ink); vertical-align: 3px; }
.multiples { display: grid; gap: 14px; margin-top: 18px;
  grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); }
.multiples .plot { margin: 0; } .multiples h3 { font-size: .92rem; }
.multiples .silent { border-style: dashed; }
#failed-table { margin-top: 34px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin-top: 16px; }
caption { text-align: left; font-weight: 600; padding-bottom: 6px; }
th, td { padding: 7px 0 7px 14px; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--grid); font-variant-numeric: tabular-nums; }
thead th { color: var(--soft); font-weight: 500; font-size: .8rem; vertical-align: bottom;
  border-bottom-color: var(--rule); }
th:first-child { padding-left: 0; }
th:first-child, td.words, th.words { text-align: left; }
#failed-table thead th { max-width: 9em; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 9em; }
td .small { display: block; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; border-top: 1px solid var(--soft); }
.rows { display: grid; gap: 12px 18px;
  grid-template-columns: minmax(8em, 13em) minmax(140px, 1fr) minmax(9em, 21em);
  align-items: center; margin-top: 16px; }
.rows > p { margin: 0; font-size: .95rem; } .rows .small { display: block; }
.columns { display: grid; gap: 8px 44px; margin-top: 20px;
  grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr)); }
ul.cannot { padding-left: 1.1em; max-width: 50em; } ul.cannot li { margin-bottom: 9px; }
details { margin-top: 16px; } summary { cursor: pointer; color: var(--soft); }
input.filter { display: none; font: inherit; font-size: .9rem; padding: 5px 10px; color: inherit;
  margin-top: 14px; background: var(--card); border: 1px solid var(--rule); border-radius: 6px; }
.scripted input.filter { display: inline-block; }
#tip { position: absolute; z-index: 9; max-width: 30em; padding: 8px 12px; border-radius: 6px;
  background: var(--ink); color: var(--paper); font-size: .8rem; line-height: 1.45;
  white-space: pre-line; pointer-events: none; overflow-wrap: anywhere; }
footer { margin: 46px auto 40px; padding-top: 16px; color: var(--soft); font-size: .84rem; }
@media (max-width: 620px) { main, header, footer { padding-left: 16px; padding-right: 16px; }
  .rows { grid-template-columns: 1fr; gap: 2px; } .rows > p:nth-child(3n) { margin-bottom: 12px; } }
@media print { :root { --paper: #fff; --card: #fff; } body { font-size: 11pt; }
  input.filter, #tip { display: none !important; } section { break-before: auto; }
  .card, .plot, tr, .rows > * { break-inside: avoid; } .scroll { overflow: visible; }
  .scroll > svg { min-width: 0; } * { print-color-adjust: exact; } }
"""

SCRIPT = """
(function () {
  var root = document.documentElement, tip = document.createElement('div');
  root.classList.add('scripted');
  tip.id = 'tip'; tip.hidden = true; tip.setAttribute('role', 'tooltip');
  document.body.appendChild(tip);
  function words(mark) {
    var inside = mark.querySelector('title');
    if (inside) { mark.dataset.words = inside.textContent; inside.remove(); }
    if (mark.title) { mark.dataset.words = mark.title; mark.removeAttribute('title'); }
    return mark.dataset.words;
  }
  function show(event) {
    var mark = event.target.closest('[data-metric-key], [data-balance-key]');
    var text = mark && words(mark);
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    var box = mark.getBoundingClientRect(), wide = root.clientWidth;
    var left = Math.max(8, Math.min(box.left, wide - tip.offsetWidth - 8));
    var above = box.top - tip.offsetHeight - 8;
    tip.style.left = left + window.scrollX + 'px';
    tip.style.top = (above > 0 ? above : box.bottom + 8) + window.scrollY + 'px';
  }
  document.addEventListener('mouseover', show);
  document.addEventListener('click', show);
  document.querySelectorAll('input.filter').forEach(function (input) {
    var rows = document.getElementById(input.dataset.table).tBodies[0].rows;
    input.addEventListener('input', function () {
      var wanted = input.value.toLowerCase();
      Array.prototype.forEach.call(rows, function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
  });
})();
"""
