/* api_dashboard.c: the page that shows what the API tells; it has all it needs within itself. */
#include <stdio.h>

#include "base/rnd.h"
#include "modules/api.h"

/* The page in three parts; between them stands the nonce without which a browser runs no style or script. */
static const char page_top[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Weir</title>\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<style nonce=\"";

static const char page_middle[] =
    "\">\n"
    ":root { color-scheme: light dark; --back: #f5f6f8; --card: #fff; --text: #1b2430; --dim: #66717f;\n"
    "  --line: #e1e5ea; --good: #1a7f4b; --bad: #c2362b; --warn: #a3690a; --accent: #1c66c9; }\n"
    "@media (prefers-color-scheme: dark) { :root { --back: #12161c; --card: #1b2129; --text: #e3e8ee;\n"
    "  --dim: #93a0ae; --line: #2c343f; --good: #4cc38a; --bad: #f2766b; --warn: #e3ac4c; --accent: "
    "#6ca8f5; } }\n"
    "* { box-sizing: border-box; }\n"
    "body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, "
    "sans-serif; }\n"
    "main { max-width: 1100px; margin: 0 auto; padding: 20px 16px 48px; }\n"
    "header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; margin-bottom: 16px; }\n"
    "h1 { font-size: 24px; margin: 0; } h2 { font-size: 16px; margin: 28px 0 8px; }\n"
    ".dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }\n"
    ".warn { color: var(--warn); } .right { margin-left: auto; }\n"
    ".cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }\n"
    ".card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: "
    "12px 14px; }\n"
    ".card b { display: block; font-size: 26px; font-weight: 600; font-variant-numeric: tabular-nums; }\n"
    ".card svg { display: block; width: 100%; height: 36px; margin-top: 4px; }\n"
    ".card polyline { fill: none; stroke: var(--accent); stroke-width: 2; }\n"
    ".table { background: var(--card); border: 1px solid var(--line); border-radius: 8px; "
    "overflow-x: auto; }\n"
    "table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
    "th, td { text-align: right; padding: 7px 12px; border-top: 1px solid var(--line); white-space: "
    "nowrap; }\n"
    "th { color: var(--dim); font-weight: 500; font-size: 13px; border-top: 0; }\n"
    "th:first-child, td:first-child { text-align: left; }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<header><h1>Weir</h1><span id=\"about\" class=\"dim\"></span><span id=\"live\" class=\"right "
    "dim\">connecting</span></header>\n"
    "<section class=\"cards\" id=\"cards\"></section>\n"
    "<h2>Processes</h2>\n"
    "<div class=\"table\"><table id=\"workers\"></table></div>\n"
    "<div id=\"upstreams\"></div>\n"
    "<h2>Listeners</h2>\n"
    "<p id=\"listeners\" class=\"dim\"></p>\n"
    "</main>\n"
    "<script nonce=\"";

static const char page_end[] =
    "\">\n"
    "\"use strict\";\n"
    "(function () {\n"
    "  const base = location.pathname.replace(/\\/*$/, \"/\") + \"api/v1/\";\n"
    "  const rates = [];\n"
    "  let before = null;\n"
    "  const at = id => document.getElementById(id);\n"
    "  const whole = n => Number(n).toLocaleString(\"en\");\n"
    "  const ms = n => n === null || n === undefined ? \"\\u2013\" : n < 10 ? n.toFixed(1) : Math.round(n);\n"
    "  function el(tag, text, cls) {\n"
    "    const e = document.createElement(tag);\n"
    "    if (text !== undefined) e.textContent = text;\n"
    "    if (cls) e.className = cls;\n"
    "    return e;\n"
    "  }\n"
    "  function age(seconds) {\n"
    "    const d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24;\n"
    "    const m = Math.floor(seconds / 60) % 60;\n"
    "    return d ? d + \"d \" + h + \"h\" : h ? h + \"h \" + m + \"m\" : m ? m + \"m\" : "
    "Math.floor(seconds) + \"s\";\n"
    "  }\n"
    "  function table(node, heads, rows) {\n"
    "    const top = el(\"tr\");\n"
    "    heads.forEach(h => top.append(el(\"th\", h)));\n"
    "    node.replaceChildren(top, ...rows.map(cells => {\n"
    "      const row = el(\"tr\");\n"
    "      cells.forEach(c => row.append(Array.isArray(c) ? el(\"td\", c[0], c[1]) : el(\"td\", c)));\n"
    "      return row;\n"
    "    }));\n"
    "  }\n"
    "  function card(name, value, cls) {\n"
    "    const e = el(\"div\", undefined, \"card\");\n"
    "    e.append(el(\"span\", name, \"dim\"), el(\"b\", value, cls));\n"
    "    return e;\n"
    "  }\n"
    "  function curve() {\n"
    "    const ns = \"http://www.w3.org/2000/svg\", svg = document.createElementNS(ns, \"svg\");\n"
    "    const line = document.createElementNS(ns, \"polyline\"), top = Math.max(1, ...rates);\n"
    "    svg.setAttribute(\"viewBox\", \"0 0 120 36\");\n"
    "    svg.setAttribute(\"preserveAspectRatio\", \"none\");\n"
    "    line.setAttribute(\"points\", rates.map((r, i) => i * 2 + \",\" + (34 - 32 * r / "
    "top)).join(\" \"));\n"
    "    svg.append(line);\n"
    "    return svg;\n"
    "  }\n"
    "  function showTotals(s, now) {\n"
    "    const seconds = before ? (now - before.now) / 1000 : 0;\n"
    "    const per = n => seconds > 0 ? Math.max(0, n) / seconds : 0;\n"
    "    const rate = before ? per(s.requests - before.s.requests) : 0;\n"
    "    const first = card(\"Requests a second\", rate < 10 ? rate.toFixed(1) : whole(Math.round(rate)));\n"
    "    if (before) rates.push(rate);\n"
    "    if (rates.length > 60) rates.shift();\n"
    "    first.append(curve());\n"
    "    at(\"cards\").replaceChildren(first, card(\"Connections\", whole(s.connections)),\n"
    "      card(\"Requests\", whole(s.requests)), card(\"Latency p50 / p99, ms\",\n"
    "      ms(s.latency_ms.p50) + \" / \" + ms(s.latency_ms.p99)),\n"
    "      ...[\"2xx\", \"3xx\", \"4xx\", \"5xx\"].map(c => card(\"Responses \" + c, whole(s.responses[c]),\n"
    "        c === \"5xx\" && before && s.responses[c] > before.s.responses[c] ? \"bad\" : \"\")));\n"
    "    before = { s: s, now: now };\n"
    "  }\n"
    "  function showStatus(s) {\n"
    "    const now = Date.now() / 1000;\n"
    "    at(\"about\").textContent = s.version + \" \\u00b7 master \" + s.pid + \" \\u00b7 up \" + "
    "age(now - s.started) +\n"
    "      \" \\u00b7 generation \" + s.generation + (s.restarts ? \" \\u00b7 \" + s.restarts + \" "
    "restarts\" : \"\");\n"
    "    table(at(\"workers\"), [\"Worker\", \"Process\", \"State\", \"Connections\", \"Requests\", "
    "\"Age\"],\n"
    "      s.workers.map(w => [w.index, w.pid, w.draining ? [\"draining\", \"warn\"] : "
    "[\"serving\", \"good\"],\n"
    "        whole(w.connections), whole(w.requests), age(now - w.started)]));\n"
    "    at(\"listeners\").textContent = s.listeners.map(l => l.address + (l.admin ? \" (admin)\" : "
    "\"\")).join(\", \");\n"
    "  }\n"
    "  function showUpstreams(list) {\n"
    "    const kinds = { up: \"good\", down: \"bad\", ejected: \"bad\", unresolved: \"bad\" };\n"
    "    at(\"upstreams\").replaceChildren(...list.flatMap(u => {\n"
    "      const box = el(\"div\", undefined, \"table\"), t = el(\"table\");\n"
    "      table(t, [\"Server\", \"State\", \"Weight\", \"Active\", \"Requests\", \"Failures\", "
    "\"p50 ms\", \"p99 ms\"],\n"
    "        u.servers.map(s => [s.name === s.address ? s.name : s.name + \" (\" + s.address + \")\",\n"
    "          [s.state + (s.backup ? \", backup\" : \"\"), kinds[s.state] || \"warn\"], s.weight, "
    "whole(s.active),\n"
    "          whole(s.requests), [whole(s.failures), s.failures ? \"bad\" : \"\"], ms(s.latency_ms.p50),\n"
    "          ms(s.latency_ms.p99)]));\n"
    "      box.append(t);\n"
    "      return [el(\"h2\", \"Upstream \" + u.name + \" \\u00b7 \" + u.balance), box];\n"
    "    }));\n"
    "  }\n"
    "  async function get(path) {\n"
    "    const answer = await fetch(base + path, { cache: \"no-store\" });\n"
    "    if (!answer.ok) throw new Error(\"status \" + answer.status);\n"
    "    return answer.json();\n"
    "  }\n"
    "  async function poll() {\n"
    "    try {\n"
    "      const [s, u] = await Promise.all([get(\"status\"), get(\"upstreams\")]);\n"
    "      showTotals(s, performance.now());\n"
    "      showStatus(s);\n"
    "      showUpstreams(u.upstreams);\n"
    "      at(\"live\").textContent = \"live\";\n"
    "      at(\"live\").className = \"right good\";\n"
    "    } catch (e) {\n"
    "      at(\"live\").textContent = \"no answer: \" + e.message;\n"
    "      at(\"live\").className = \"right bad\";\n"
    "    }\n"
    "    setTimeout(poll, 2000);\n"
    "  }\n"
    "  poll();\n"
    "})();\n"
    "</script>\n"
    "</body>\n"
    "</html>\n";

void api_dashboard(struct request *req)
{
    uint8_t random[16];
    char nonce[2 * sizeof(random) + 1];
    struct header_list more;
    struct api_text t;
    struct str policy;

    rnd_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    policy = pool_printf(req->pool,
                         "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; "
                         "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                         nonce, nonce);
    header_list_init(&more, req->pool, 2);
    if (header_add(&more, STR("Content-Security-Policy"), policy) < 0 ||
        header_add(&more, STR("Referrer-Policy"), STR("no-referrer")) < 0) {
        api_reply_error(req, 500, STR("The page has too many fields."), STR_NONE);
        return;
    }
    api_text_init(&t, req->pool);
    api_text_add(&t, STR(page_top));
    api_text_add(&t, str_of(nonce));
    api_text_add(&t, STR(page_middle));
    api_text_add(&t, str_of(nonce));
    api_text_add(&t, STR(page_end));
    api_reply(req, 200, STR("text/html; charset=utf-8"), (struct str){t.text, t.len}, &more);
}
