/// The looks of a report page: light and dark, on a wide screen, a telephone and paper.
///
/// Series are told apart by colour (Okabe and Ito's palette, made darker or lighter until it stands out from the page by a
/// contrast of 3 to 1 or more) and by their dashes, so that they can be told apart without colour too.
enum PageStyle {
  static let text = ##"""
    :root {
      color-scheme: light dark;
      --page: #fdfdfc; --raised: #f4f4f1; --ink: #1b1c1f; --faint: #5b5e66; --line: #d9dad7; --grid: #e7e7e4;
      --s1: #0b62a4; --s2: #b84a00; --s3: #00795a; --s4: #9a3f79; --s5: #8a6400; --s6: #4b5563;
      --paper: #fffaf8; --paper-grid: #f3c9c2; --trace: #26262b; --heat: #1d3a7a;
      --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "P052", Georgia, serif;
      --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
      --mono: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #15171b; --raised: #1e2126; --ink: #e9e9e6; --faint: #a2a6af; --line: #363a42; --grid: #282c32;
        --s1: #6cb4ee; --s2: #f0894a; --s3: #3fc79a; --s4: #e08cc0; --s5: #dfb13c; --s6: #a8afba;
        --paper: #1c1a1b; --paper-grid: #4a2f2d; --trace: #e4e3e0; --heat: #7ba4f4;
      }
    }
    * { box-sizing: border-box; }
    html { font-size: 16px; scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
    body {
      margin: 0 auto; max-width: 72rem; padding: 0 1.5rem 4rem; background: var(--page); color: var(--ink);
      font: 1rem/1.5 var(--sans); font-variant-numeric: tabular-nums lining-nums; overflow-wrap: break-word;
    }
    a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em; }
    a:hover { text-decoration-color: currentColor; }
    :focus-visible { outline: 2px solid var(--s1); outline-offset: 3px; }
    .skip { position: absolute; left: -100vw; }
    .skip:focus { left: 1rem; top: .5rem; background: var(--page); padding: .25rem .5rem; }
    h1, h2, h3 { font-weight: 600; text-wrap: balance; margin: 0; }
    h1 { font: 600 2.4rem/1.15 var(--serif); letter-spacing: -.01em; overflow-wrap: anywhere; }
    h2 { font: 600 1.5rem/1.25 var(--serif); }
    h3 { font-size: .95rem; line-height: 1.35; }
    .masthead { padding: 3rem 0 1.25rem; }
    .kicker { margin: 0 0 .4rem; color: var(--faint); font-size: .85rem; letter-spacing: .02em; }
    .status { margin: .6rem 0 0; color: var(--faint); max-width: 46rem; }
    .headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.5rem 2rem;
      margin: 2rem 0 0; padding: 1.25rem 0; border: solid var(--line); border-width: 1px 0; }
    .headlines dt { font-size: .8rem; color: var(--faint); }
    .headlines dd { margin: 0; }
    .headlines .value { display: block; font: 400 2rem/1.25 var(--serif); font-variant-numeric: lining-nums; }
    .headlines .detail { display: block; font-size: .8rem; color: var(--faint); }
    nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0;
      font-size: .9rem; }
    section { padding: 2.5rem 0 0; }
    .lead { max-width: 46rem; margin: .4rem 0 0; color: var(--faint); }
    .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 1.1rem 2rem;
      margin: 1.25rem 0 0; }
    .facts dt { font-size: .8rem; color: var(--faint); }
    .facts dd { margin: 0; overflow-wrap: anywhere; }
    .facts .remark { display: block; font-size: .82rem; line-height: 1.4; color: var(--faint); }
    .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
      gap: 2rem 2.25rem; margin-top: 1.5rem; align-items: start; }
    .wide { margin-top: 1.5rem; }
    figure { margin: 0; min-width: 0; break-inside: avoid; }
    figure h3 { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; }
    .reading { font-weight: 400; color: var(--faint); white-space: nowrap; }
    figcaption { font-size: .82rem; line-height: 1.45; color: var(--faint); margin-top: .35rem; max-width: 46rem; }
    .drawing { margin-top: .35rem; }
    svg { display: block; width: 100%; height: auto; overflow: visible; }
    svg text { font-family: var(--sans); font-size: 11px; fill: var(--faint); }
    svg .ink { fill: var(--ink); } svg .bold { font-weight: 600; } svg .small { font-size: 9.5px; }
    svg .onheat { fill: var(--page); }
    .grid { stroke: var(--grid); stroke-width: 1; } .axis { stroke: var(--faint); stroke-width: 1; }
    .guide { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 2 3; fill: none; }
    .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
    .thin { stroke-width: 1; opacity: .45; }
    .curve.s1, .whisker.s1 { stroke: var(--s1); } .curve.s2, .whisker.s2 { stroke: var(--s2); }
    .curve.s3, .whisker.s3 { stroke: var(--s3); } .curve.s4, .whisker.s4 { stroke: var(--s4); }
    .curve.s5, .whisker.s5 { stroke: var(--s5); } .curve.s6, .whisker.s6 { stroke: var(--s6); }
    .curve.s2:not(.thin) { stroke-dasharray: 7 3; } .curve.s3:not(.thin) { stroke-dasharray: 2 3.5; }
    .curve.s4:not(.thin) { stroke-dasharray: 8 3 2 3; } .curve.s5:not(.thin) { stroke-dasharray: 4 3; }
    .curve.s6:not(.thin) { stroke-dasharray: 1 3; }
    .fill.s1, .mark.s1 { fill: var(--s1); background: var(--s1); }
    .fill.s2, .mark.s2 { fill: var(--s2); background: var(--s2); }
    .fill.s3, .mark.s3 { fill: var(--s3); background: var(--s3); }
    .fill.s4, .mark.s4 { fill: var(--s4); background: var(--s4); }
    .fill.s5, .mark.s5 { fill: var(--s5); background: var(--s5); }
    .fill.s6, .mark.s6 { fill: var(--s6); background: var(--s6); }
    .fill.rest, .mark.rest { fill: var(--line); background: var(--line); }
    .whisker { stroke-width: 1.75; fill: none; }
    .hollow { fill: var(--page); } .dot { fill: var(--page); stroke: var(--ink); stroke-width: 1; }
    .cell { fill: var(--heat); stroke: var(--page); stroke-width: 1.5; }
    .sheet { fill: var(--paper); } .sheet-grid { stroke: var(--paper-grid); stroke-width: 1; fill: none; }
    .trace { stroke: var(--trace); stroke-width: 1.1; fill: none; stroke-linejoin: round; }
    .heat { fill: var(--heat); }
    .box { fill: none; stroke: var(--faint); stroke-width: .75; opacity: .7; }
    .flow { fill: none; opacity: .65; stroke-linecap: round; } .flow.s2 { stroke: var(--s2); } .flow.s3 { stroke: var(--s3); }
    .legend { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: .4rem 0 0; padding: 0; list-style: none;
      font-size: .82rem; color: var(--faint); }
    .mark { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .4rem; }
    .scroll { overflow-x: auto; margin-top: 1.25rem; }
    table { border-collapse: collapse; font-size: .88rem; }
    caption { text-align: left; color: var(--faint); padding-bottom: .35rem; }
    th, td { padding: .3rem 1.1rem .3rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--grid);
      font-weight: 400; white-space: nowrap; }
    td.text { white-space: normal; min-width: 9rem; }
    thead th { color: var(--faint); font-size: .8rem; border-bottom-color: var(--line); white-space: nowrap; }
    .number { text-align: right; }
    .aside { display: block; color: var(--faint); font-size: .8rem; line-height: 1.3; }
    .strong th, .strong td { font-weight: 600; } .strong .aside { font-weight: 400; }
    tbody th { padding-right: 1.5rem; }
    .note { margin-top: 1.25rem; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--line); max-width: 46rem;
      font-size: .92rem; }
    .note p { margin: .3rem 0; } .note .remedy { color: var(--faint); }
    .note.warning { border-color: var(--s2); } .note.missing { border-color: var(--s5); }
    .answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.5rem 2.25rem;
      margin-top: 1.5rem; }
    .answer { border-top: 2px solid var(--line); padding-top: .6rem; break-inside: avoid; min-width: 0; }
    .answer.right { border-color: var(--s3); } .answer.wrong { border-color: var(--s2); }
    .answer.partly { border-color: var(--s5); }
    .answer h3 { display: flex; justify-content: space-between; gap: 1rem; }
    .verdict { font-weight: 400; color: var(--faint); }
    .answer dl { margin: .5rem 0 0; font-size: .88rem; }
    .answer dl div { display: grid; grid-template-columns: 6.2rem 1fr; gap: .5rem; padding: .12rem 0; }
    .answer dt { color: var(--faint); } .answer dd { margin: 0; overflow-wrap: anywhere; }
    details { margin-top: 1.25rem; border-top: 1px solid var(--line); padding-top: .6rem; }
    summary { cursor: pointer; }
    pre { font: .8rem/1.5 var(--mono); margin: 0; }
    footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--faint);
      font-size: .82rem; }
    @media (max-width: 30rem) {
      body { padding: 0 1rem 3rem; } .masthead { padding-top: 1.75rem; } h1 { font-size: 1.8rem; }
      .headlines { grid-template-columns: 1fr 1fr; gap: 1rem; } .headlines .value { font-size: 1.5rem; }
      th, td { padding-right: .6rem; } tbody th { padding-right: .6rem; white-space: normal; } thead th { white-space: normal; }
      table { font-size: .8rem; } .aside { font-size: .72rem; }
    }
    @media print {
      :root {
        color-scheme: light;
        --page: #fff; --raised: #f4f4f1; --ink: #000; --faint: #4a4c52; --line: #c8c9c6; --grid: #e2e2df;
        --s1: #0b62a4; --s2: #b84a00; --s3: #00795a; --s4: #9a3f79; --s5: #8a6400; --s6: #4b5563;
        --paper: #fff; --paper-grid: #f3c9c2; --trace: #26262b; --heat: #1d3a7a;
      }
      @page { margin: 16mm 14mm; }
      html { font-size: 11px; } body { max-width: none; padding: 0; }
      .skip, nav { display: none; } .masthead { padding-top: 0; }
      h2, h3, .lead { break-after: avoid; } table, .note { break-inside: auto; } tr, figure, .answer { break-inside: avoid; }
      .scroll { overflow: visible; } pre { white-space: pre-wrap; }
      .figures { grid-template-columns: repeat(3, 1fr); } .answers { grid-template-columns: repeat(3, 1fr); }
      * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }
    """##
}
