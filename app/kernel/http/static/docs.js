"use strict";

// Reads openapi.json beside it and lists what it says. Asks no other host.

const LOCATION_WORDS = { path: "路径", query: "查询", header: "请求头" };

function element(name, { className, text } = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function resolve(spec, node) {
  if (!node || !node.$ref) return node;
  return node.$ref.replace("#/", "").split("/").reduce((at, step) => at[step], spec);
}

function bounds(schema) {
  const said = [];
  if (schema.enum) said.push(schema.enum.map(String).join(" | "));
  if (schema.minLength !== undefined || schema.maxLength !== undefined)
    said.push(`${schema.minLength ?? 0}–${schema.maxLength ?? "…"} 字`);
  if (schema.minimum !== undefined || schema.maximum !== undefined)
    said.push(`${schema.minimum ?? "…"} – ${schema.maximum ?? "…"}`);
  if (schema.maxItems !== undefined) said.push(`至多 ${schema.maxItems} 项`);
  if (schema.default !== undefined) said.push(`默认 ${JSON.stringify(schema.default)}`);
  return said.join("；");
}

function typeOf(schema) {
  const types = [].concat(schema.type ?? "any").join(" | ");
  return schema.format ? `${types} (${schema.format})` : types;
}

// Writes a schema as indented lines: name, * when required, type, bounds.
function outline(spec, given, depth = 0) {
  const schema = resolve(spec, given) ?? {};
  const pad = "  ".repeat(depth);
  if (depth > 6) return `${pad}…\n`;
  for (const several of ["allOf", "anyOf", "oneOf"])
    if (schema[several]) return schema[several].map((one) => outline(spec, one, depth)).join("");
  if (schema.type === "array") return `${pad}[\n${outline(spec, schema.items, depth + 1)}${pad}]\n`;
  if (!schema.properties) return `${pad}${typeOf(schema)} ${bounds(schema)}\n`;
  return Object.entries(schema.properties).map(([name, inner]) => {
    const full = resolve(spec, inner);
    const mark = (schema.required ?? []).includes(name) ? "*" : "";
    const nested = full.properties || full.items || full.allOf || full.anyOf;
    const words = full.description ? `  — ${full.description}` : "";
    const line = `${pad}${name}${mark}: ${nested ? "" : `${typeOf(full)} ${bounds(full)}`}${words}\n`;
    return nested ? line + outline(spec, full, depth + 1) : line;
  }).join("");
}

function parameterTable(spec, parameters) {
  const rows = parameters.map((one) => {
    const schema = resolve(spec, one.schema) ?? {};
    return element("tr", {},
      element("td", {}, element("code", { text: one.name + (one.required ? "*" : "") })),
      element("td", { text: LOCATION_WORDS[one.in] ?? one.in }),
      element("td", { text: typeOf(schema) }),
      element("td", { text: [bounds(schema), one.description].filter(Boolean).join("；") }));
  });
  const head = element("tr", {}, ...["名称", "位置", "类型", "说明"].map((text) => element("th", { text })));
  return element("table", {}, head, ...rows);
}

function responseTable(spec, responses) {
  const rows = Object.entries(responses).map(([status, given]) => {
    const answer = resolve(spec, given);
    const [kind, content] = Object.entries(answer.content ?? {})[0] ?? ["", {}];
    const body = element("td", { text: answer.description });
    if (content.schema && Number(status) < 400)
      body.append(element("pre", { text: outline(spec, content.schema) }));
    return element("tr", {}, element("td", { text: status }), element("td", { text: kind }), body);
  });
  return element("table", {}, ...rows);
}

function operation(spec, path, method, said, shared) {
  const open = said.security && said.security.length === 0;
  const summary = element("summary", {},
    element("span", { className: `method ${method}`, text: method.toUpperCase() }),
    element("code", { text: path }),
    element("span", { className: "words", text: `${said.summary ?? ""}${open ? "（无需登录）" : ""}` }));
  const inside = element("div");
  if (said.description) inside.append(element("p", { text: said.description }));
  const parameters = [...(shared ?? []), ...(said.parameters ?? [])].map((one) => resolve(spec, one));
  if (parameters.length) inside.append(element("h3", { text: "参数" }), parameterTable(spec, parameters));
  for (const [kind, body] of Object.entries(resolve(spec, said.requestBody)?.content ?? {}))
    inside.append(element("h3", { text: `请求内容 ${kind}` }), element("pre", { text: outline(spec, body.schema) }));
  inside.append(element("h3", { text: "回答" }), responseTable(spec, said.responses ?? {}));
  const box = element("details", {}, summary, inside);
  box.dataset.words = `${method} ${path} ${said.summary ?? ""}`.toLowerCase();
  return box;
}

function show(spec) {
  document.getElementById("title").textContent = `${spec.info.title} ${spec.info.version}`;
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths))
    for (const [method, said] of Object.entries(item)) {
      if (method === "parameters") continue;
      const tag = (said.tags ?? ["其他"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(spec, path, method, said, item.parameters));
    }
  const described = new Map((spec.tags ?? []).map((tag) => [tag.name, tag.description]));
  const sections = [...groups].map(([tag, boxes]) => {
    const section = element("section", {}, element("h2", { text: tag }));
    if (described.get(tag)) section.append(element("p", { text: described.get(tag) }));
    section.append(...boxes);
    return section;
  });
  document.getElementById("list").replaceChildren(...sections);
}

function find(event) {
  const wanted = event.target.value.trim().toLowerCase();
  for (const box of document.querySelectorAll("details")) box.hidden = !box.dataset.words.includes(wanted);
  for (const section of document.querySelectorAll("section"))
    section.hidden = !section.querySelector("details:not([hidden])");
}

document.getElementById("find").addEventListener("input", find);
fetch("openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
  .then(show)
  .catch(() => {
    const sorry = element("p", { text: "接口说明暂时读不到，请稍后刷新。" });
    document.getElementById("list").replaceChildren(sorry);
  });
