/** All that the pages look like. It stands in each of them, so that none needs a second request. */
export const style = `
:root{color-scheme:light dark;--page:#f6f4ef;--card:#fff;--ink:#1f1d1a;--soft:#5d5850;--line:#d9d4c9;--edge:#8a8377;
--accent:#8a3d12;--accent-ink:#fff;--accent-hover:#6f300d;--bad:#a3161b;--bad-page:#fdeeee;--good:#1d5c34;--good-page:#eaf5ed}
@media (prefers-color-scheme:dark){:root{--page:#171512;--card:#211e1a;--ink:#f0ece4;--soft:#b3aca0;--line:#3a352e;--edge:#8f8778;
--accent:#f0a36b;--accent-ink:#2a1304;--accent-hover:#f7bd93;--bad:#ff9d99;--bad-page:#3a1a1a;--good:#8fd6a5;--good-page:#16301f}}
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
body{margin:0;min-height:100vh;background:var(--page);color:var(--ink);display:flex;flex-direction:column;align-items:center;
padding:clamp(1.25rem,6vh,4.5rem) 1rem 2rem}
header,main{width:100%;max-width:26rem}
.wide header,.wide main{max-width:46rem}
header{display:flex;align-items:center;gap:.6rem;margin-bottom:1rem;font-size:1.15rem;font-weight:650;letter-spacing:-.01em}
header svg{width:1.75rem;height:1.75rem;flex:none;color:var(--accent)}
main{overflow-wrap:break-word;background:var(--card);border:1px solid var(--line);border-radius:.9rem;padding:clamp(1.25rem,5vw,2rem);
box-shadow:0 1px 2px #0000000d,0 8px 24px #0000000a}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.015em;margin:0 0 .5rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem;padding-top:1.5rem;border-top:1px solid var(--line)}
p{margin:.5rem 0}
.soft,.hint{color:var(--soft)}
.hint{font-size:.875rem;margin:.3rem 0 0}
a{color:var(--accent)}
a:hover{color:var(--accent-hover)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
form{margin:1.25rem 0 0;max-width:26rem}
form+p,.full+.hint{margin-top:1rem}
.field{margin:0 0 1rem}
label{display:block;font-weight:600;margin-bottom:.3rem}
input{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.5rem;
padding:.6rem .75rem;min-height:2.75rem}
input[aria-invalid=true]{border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}
button,.button{display:inline-block;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer;min-height:2.75rem;
padding:.55rem 1.1rem;border-radius:.5rem;border:1px solid var(--accent);background:var(--accent);color:var(--accent-ink)}
button:hover,.button:hover{background:var(--accent-hover);border-color:var(--accent-hover);color:var(--accent-ink)}
.full{width:100%}
.quiet{background:transparent;color:var(--ink);border-color:var(--edge)}
.quiet:hover{background:var(--page);color:var(--ink);border-color:var(--ink)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.error{color:var(--bad);font-size:.9rem;margin:.3rem 0 0;font-weight:550}
.notice{border-radius:.5rem;padding:.7rem .9rem;margin:1rem 0 0;border:1px solid}
.notice.bad{color:var(--bad);background:var(--bad-page)}
.notice.good{color:var(--good);background:var(--good-page)}
.row{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center}
.row form,.list form{margin:0}
.list{list-style:none;margin:.75rem 0;padding:0}
.list li{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between;padding:.75rem 0;
border-bottom:1px solid var(--line)}
.list li:last-child{border-bottom:0}
.list div{min-width:0;flex:1 1 14rem;overflow-wrap:anywhere}
.tag{display:inline-block;font-size:.8rem;border:1px solid var(--edge);border-radius:1rem;padding:0 .55rem;margin-left:.4rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.25rem;margin:1rem 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
[hidden]{display:none}
@media (max-width:26rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}
`.replaceAll("\n", "");
