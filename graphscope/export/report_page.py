"""The page around a report: its style, and the few lines of script that sort its tables."""

# Tables sort by a click on a head; that is all there is to run.
SORT = """for (const head of document.querySelectorAll("th button")) head.addEventListener("click", () => {
  const cell = head.parentElement, body = cell.closest("table").tBodies[0], k = cell.cellIndex;
  const down = cell.getAttribute("aria-sort") !== "descending";
  for (const other of cell.parentElement.cells) other.removeAttribute("aria-sort");
  cell.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => { const c = row.cells[k]; return "n" in c.dataset ? Number(c.dataset.n) : c.textContent; };
  const order = (a, b) => (key(a) > key(b) ? 1 : key(a) < key(b) ? -1 : 0) * (down ? -1 : 1);
  body.append(...[...body.rows].sort(order));
});"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>:root{{{light}}}
@media (prefers-color-scheme: dark){{:root{{{dark}}}}}
{style}</style></head>
<body>
<main>
{body}
</main>
<script>{sort}</script>
</body></html>
"""
STYLE = """*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:13px/20px Inter,'Segoe UI','Helvetica Neue','DejaVu Sans',Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1280px;margin:0 auto;padding:24px 32px 48px}
h1{font-size:24px;line-height:32px;margin:0;overflow-wrap:anywhere}h2{font-size:15px;line-height:24px;margin:0 0 8px}
h3{font-size:13px;line-height:20px;margin:0}p{margin:0 0 4px;color:var(--ink2);overflow-wrap:anywhere;max-width:100ch}
header{padding-bottom:16px;border-bottom:1px solid var(--line)}
section{margin-top:24px;padding:16px;background:var(--surface);border:1px solid var(--line);border-radius:6px}
.quiet{color:var(--ink3)}.mono,.code{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12px}
.failed h2,header .failed{color:var(--failed)}
article{padding:8px 0 8px 12px;border-left:3px solid var(--line);margin-bottom:12px}
article.error{border-color:var(--failed)}article.warning{border-color:var(--warning)}
.code{margin:4px 0;padding:8px;border-radius:4px;overflow-x:auto;--ground:var(--page)}
.code,.wide{--edge:color-mix(in srgb,var(--ink) 20%,transparent);background:
linear-gradient(90deg,var(--ground) 50%,transparent) 0/32px 100% no-repeat local,
linear-gradient(270deg,var(--ground) 50%,transparent) 100%/32px 100% no-repeat local,
linear-gradient(90deg,var(--edge),transparent) 0/12px 100% no-repeat,
linear-gradient(270deg,var(--edge),transparent) 100%/12px 100% no-repeat,var(--ground)}
.code span{display:block;white-space:pre}.code i{display:inline-block;width:4ch;margin-right:1ch;text-align:right;
color:var(--ink3);font-style:normal}.code .here{font-weight:600;box-shadow:inset 2px 0 var(--focus)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr));gap:16px}
img{display:block;max-width:100%;height:auto}
iframe{width:100%;height:760px;border:0;border-radius:4px;background:var(--page)}
.bar{display:flex;height:16px;border-radius:4px;overflow:hidden;margin-bottom:8px}.bar i{display:block}
i.data{background:var(--data)}i.forward{background:var(--forward)}i.backward{background:var(--backward)}
i.update{background:var(--update)}i.copies{background:var(--ink3)}
i.python{background:repeating-linear-gradient(135deg,var(--idle) 0 4px,transparent 4px 8px)}
i.recorder{background:repeating-linear-gradient(90deg,var(--ink3) 0 2px,transparent 2px 4px)}
.dot{display:inline-block;width:10px;height:10px;margin-right:8px;border-radius:2px}
.wide{overflow-x:auto;--ground:var(--surface)}table{border-collapse:collapse;font-size:12px;line-height:16px}
th,td{padding:4px 12px 4px 0;text-align:left;border-bottom:1px solid var(--line);overflow-wrap:anywhere;vertical-align:top}
th,td:not(:first-child){white-space:nowrap}td:first-child{min-width:14ch}
td:last-child:not(.n){white-space:normal;min-width:28ch}
.n{text-align:right;white-space:nowrap}th button{font:inherit;font-weight:600;color:var(--ink2);background:none;border:0;
padding:0;cursor:pointer}th[aria-sort=descending] button::after{content:' \\2193' / ''}
th[aria-sort=ascending] button::after{content:' \\2191' / ''}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
@media (max-width:640px){main{padding:12px 8px}section{padding:12px 8px}
picture{display:flex;overflow-x:auto}picture img{flex:none;max-width:none;width:600px}
picture::after{content:'';position:sticky;right:0;flex:none;width:16px;margin-left:-16px;
background:linear-gradient(90deg,transparent,color-mix(in srgb,var(--ink) 20%,transparent))}}
@media print{body{background:#fff}section{break-inside:avoid}iframe{display:none}}"""
