"""Style sheet (CSS) of the sample page, in addition to that of every page."""

STYLE = """
h2 { margin-top: 48px; } .lead code { overflow-wrap: anywhere; }
.card + .card, .card + details.card { margin-top: 14px; }
.found { border-left: 5px solid #d1495b; margin-bottom: 12px; } .found ul { margin: 0; padding-left: 20px; }
.wrong, .error { color: #d1495b; font-weight: 600; }
table.plain th, table.plain td { padding: 7px 10px; font-size: 14px; } .plain .text { text-align: left; }
.plain .wide { white-space: normal; min-width: 220px; }
details.card > summary, .pipelines summary { cursor: pointer; font-weight: 600; }
.pipelines details + details { margin-top: 10px; } .pipelines ol { margin: 8px 0 4px; padding-left: 26px; }
.pipelines li { padding: 1px 0; overflow-wrap: anywhere; } .pipelines summary code { font-weight: 400; }
.samples { display: grid; gap: 18px; } article.card { padding: 16px 18px; min-width: 0; }
article h3 { overflow-wrap: anywhere; } article h3 small { font-weight: 400; color: var(--quiet); margin-left: 10px; }
.badge { font-size: 12px; padding: 2px 8px; border-radius: 9px; background: var(--rule); }
.badge.flip { background: var(--distilled); color: #fff; justify-self: start; }
@media (prefers-color-scheme: dark) { .badge.flip { color: #10151d; } }
.person-in { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 14px; }
.draws { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; }
.draw { display: flex; flex-wrap: wrap; gap: 8px; border: 1px solid var(--rule); border-radius: 10px; padding: 8px;
  max-width: 100%; }
figure.sample { width: 180px; max-width: 100%; } figure.crop { width: 240px; } figure.source { width: 150px; }
figure.sample svg { border-radius: 6px; overflow: hidden; background: #10151d; }
figure.sample figcaption { display: grid; font-size: 12.5px; padding-top: 4px; line-height: 1.35; }
figure.sample small { color: var(--quiet); font-size: 11.5px; }
figure.sample circle, .outline, .box, .curves polyline { vector-effect: non-scaling-stroke; }
.dim { opacity: .45; } .hit { fill: transparent; } circle.hidden { fill: #10151d; }
.skeleton.unlearnt circle { fill: none; stroke: #ff3b4e; stroke-width: 1.6; stroke-dasharray: 3 2; }
.skeleton.unsure circle { opacity: .35; }
.outline { fill: none; stroke: #fff; stroke-width: 1.2; stroke-dasharray: 5 4; }
.box { fill: none; stroke: #ff3b4e; stroke-width: 2; }
svg text { font-family: ui-sans-serif, system-ui, sans-serif; paint-order: stroke; stroke: #10151dd0;
  stroke-width: .18em; dominant-baseline: middle; fill: var(--middle); } svg text.left { fill: var(--left); }
svg text.right { fill: var(--right); }
.curves polyline { stroke-width: .8; fill-opacity: .28; } .curves .left { stroke: var(--left); fill: var(--left); }
.curves .right { stroke: var(--right); fill: var(--right); }
.curves .middle { stroke: var(--middle); fill: var(--middle); }
.crosses .left { stroke: var(--left); } .crosses .right { stroke: var(--right); }
.crosses .middle { stroke: var(--middle); }
i.left { background: var(--left); } i.right { background: var(--right); } i.middle { background: var(--middle); }
.marks { margin-top: -8px; } .ring { display: inline-block; width: 11px; height: 11px; border-radius: 50%;
  margin-right: 7px; vertical-align: -1px; } .ring.hidden { background: #10151d; border: 3px solid var(--left); }
.ring.unlearnt { border: 2px dashed #ff3b4e; }
@media (max-width: 640px) { .person-in { grid-template-columns: minmax(0, 1fr); }
  .draw { display: grid; grid-template-columns: 1fr 1fr; width: 100%; } figure.sample, figure.crop { width: 100%; }
  figure.source { width: 150px; }
  .card { padding: 14px; } article.card { padding: 12px; } .draw { padding: 6px; } }
"""
