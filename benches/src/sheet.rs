//! What the pages of the posbook command have in common: one file each, with its style in it and nothing from outside.

/// What every page looks like, by day and by night, at any width.
const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--mine:#0b6bcb;--other:#b8c0c8;--good:#1a7f37;--bad:#b3261e;--warn:#fff4d6;--c1:#b3261e;--c2:#c2570c;--c3:#8a6d00;--c4:#1a7f37;--c5:#7d4cc2;--c6:#b0347f}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4ae;--line:#30363d;--back:#0d1117;--mine:#58a6ff;--other:#4b5560;--good:#3fb950;--bad:#ff7b72;--warn:#3a2f10;--c1:#ff7b72;--c2:#ffa657;--c3:#e3b341;--c4:#3fb950;--c5:#bc8cff;--c6:#f778ba}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.2rem 0 .2rem}
p,li{overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.9rem}
.busy{background:var(--warn);border:1px solid var(--line);padding:.6rem .8rem;border-radius:.4rem;font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;padding:.25rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.met{color:var(--good);font-weight:600}.missed{color:var(--bad);font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.5rem 1.5rem}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg text.soft{fill:var(--soft);font-size:12px}
.mine{fill:var(--mine);stroke:var(--mine)}.other{fill:var(--other);stroke:var(--other)}line.axis{stroke:var(--line)}
polyline[points]{fill:none;stroke-width:1.5}polyline.mine{stroke-width:3}polyline.dashed{stroke-dasharray:5 3}.c1{fill:var(--c1);stroke:var(--c1)}.c2{fill:var(--c2);stroke:var(--c2)}.c3{fill:var(--c3);stroke:var(--c3)}.c4{fill:var(--c4);stroke:var(--c4)}.c5{fill:var(--c5);stroke:var(--c5)}.c6{fill:var(--c6);stroke:var(--c6)}
.key{display:flex;flex-wrap:wrap;gap:.1rem .9rem;font-size:.8rem;margin:.2rem 0}.key span{white-space:nowrap}.key svg{display:inline-block;width:1.3rem;height:.6rem;margin-right:.3rem}
figure{margin:0;min-width:0;max-width:30rem}details{margin:.3rem 0;font-size:.9rem}summary{cursor:pointer;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;font-size:.9rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
";

/// Everything up to the body of a page, with a style of its own besides.
pub fn head(title: &str, style: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}{style}</style></head><body>",
        escape(title)
    )
}

/// A text that may stand anywhere in a page.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
