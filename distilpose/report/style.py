"""The style sheet of the page: one set of names for colours, two sets of values for light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f7f4ee; --card: #fffdf9; --ink: #1d2430; --quiet: #667085; --rule: #e3ddd1;
  --teacher: #b7791f; --baseline: #6b7a90; --distilled: #0f8a7e; --left: #ff8a3d; --right: #2fb4ff; --middle: #f5f1e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161d; --card: #1a2029; --ink: #eceae4; --quiet: #98a2b3; --rule: #2c3541;
    --teacher: #f0b45a; --baseline: #9fb0c8; --distilled: #3fd0bf;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 ui-sans-serif, system-ui, -apple-system,
  "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1120px; margin: 0 auto; padding: 56px 24px 72px; }
h1, h2 { font-family: ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; font-weight: 600;
  letter-spacing: -.01em; line-height: 1.15; }
h1 { font-size: clamp(34px, 5.2vw, 58px); margin: 10px 0 16px; max-width: 20ch; }
h1 em { font-style: normal; color: var(--distilled); }
h2 { font-size: 27px; margin: 72px 0 6px; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 8px; }
p { margin: 0 0 18px; max-width: 70ch; }
.lead { font-size: 19px; color: var(--quiet); max-width: 62ch; }
.eyebrow { text-transform: uppercase; letter-spacing: .14em; font-size: 12px; font-weight: 600; color: var(--quiet); }
.under { color: var(--quiet); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 14px; padding: 22px 24px; }
.teacher { --own: var(--teacher); } .baseline { --own: var(--baseline); } .distilled { --own: var(--distilled); }
.truth { --own: var(--ink); }
i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; background: var(--own); margin-right: 9px; }

.gap { margin: 34px 0 0; padding: 26px 32px 22px; }
.gap .track { position: relative; height: 128px; margin: 0 64px; }
.gap .bar, .gap .gain { position: absolute; top: 62px; height: 8px; border-radius: 4px; }
.gap .bar { background: var(--rule); } .gap .gain { background: var(--distilled); }
.gap .mark { position: absolute; top: 54px; width: 24px; height: 24px; margin-left: -12px; border-radius: 50%;
  background: var(--own); border: 5px solid var(--card); box-shadow: 0 0 0 1.5px var(--own); }
.gap .name { position: absolute; transform: translateX(-50%); text-align: center; white-space: nowrap; line-height: 1.2;
  font-size: 14px; color: var(--quiet); }
.gap .name.below { top: 86px; } .gap .name.above { top: 0; }
.gap .name b { display: block; font-size: 22px; color: var(--own); }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; white-space: nowrap; }
th, td { padding: 11px 12px; text-align: right; border-bottom: 1px solid var(--rule); }
th:first-child { text-align: left; padding-left: 2px; }
thead th { font-size: 13px; font-weight: 600; color: var(--quiet); }
tbody th { font-weight: 500; } tbody tr:last-child > * { border-bottom: 0; }
tr.distilled > * { font-weight: 650; }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0; }
.notes { margin-top: 14px; font-size: 13px; color: var(--quiet); columns: 2; column-gap: 40px; }
.notes div { break-inside: avoid; padding: 2px 0; } .notes dt, .notes dd { display: inline; }
.notes dt::after { content: ": "; }

.two { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 20px; }
figure { margin: 0; } svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--rule); stroke-width: 1; } .tick, .axis { fill: var(--quiet); font-size: 13px; }
path { fill: none; stroke: var(--own); stroke-linejoin: round; }
path.line { stroke-width: 2.6; } path.raw { stroke-width: 1; opacity: .28; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 14px; margin-top: 10px; color: var(--quiet); }
.legend b { color: var(--ink); font-weight: 600; }
.empty { color: var(--quiet); font-style: italic; }

.people { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 20px; }
.person { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px; padding: 12px; background: var(--card);
  border: 1px solid var(--rule); border-radius: 14px; }
.person svg { border-radius: 7px; overflow: hidden; }
.person figcaption, .pair figcaption { display: flex; justify-content: space-between; gap: 6px; font-size: 12.5px;
  color: var(--quiet); padding-top: 5px; border-top: 3px solid var(--own); margin-top: 6px; }
.person figcaption b { color: var(--ink); }
.skeleton { stroke-linecap: round; } .skeleton line, .skeleton circle { stroke: var(--side); }
.skeleton circle { fill: var(--side); stroke: #10151dcc; stroke-width: 1; }
.skeleton .left { --side: var(--left); } .skeleton .right { --side: var(--right); }
.skeleton .middle { --side: var(--middle); }
.skeleton.faint { opacity: .5; } .skeleton.faint line { stroke: #fff; stroke-dasharray: 3 5; }
.skeleton.faint circle { fill: #fff; }
.key i { box-shadow: 0 0 0 1px var(--quiet); }
.key { display: flex; flex-wrap: wrap; gap: 6px 20px; font-size: 14px; color: var(--quiet); margin-bottom: 16px; }
.pairs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr)); gap: 20px; }
.pair { padding: 14px; background: var(--card); border: 1px solid var(--rule); border-radius: 14px; }
.pair > div { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.pair img { display: block; width: 100%; border-radius: 7px; }

.facts { display: grid; grid-template-columns: max-content 1fr; gap: 7px 28px; font-size: 15px; }
.facts dt { color: var(--quiet); font-weight: 500; } .facts dd { overflow-wrap: anywhere; }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { margin-top: 56px; font-size: 14px; color: var(--quiet); }
@media (max-width: 640px) {
  main { padding: 32px 16px 48px; } .notes { columns: 1; } .person { grid-template-columns: repeat(2, 1fr); }
  .gap { padding: 18px 10px; } .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 10px; }
}
@media print { h2 { margin-top: 36px; } .card, .person, .pair { break-inside: avoid; } }
"""
