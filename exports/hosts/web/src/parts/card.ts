import { brief, byId, descriptions, element } from "../dom.ts";
import type { Model } from "../messages.ts";
import { count, counted, exact, figure, similar } from "../numbers.ts";
import { describedFormat } from "./format.ts";

/** Show what a model says about itself. */
export function showCard(model: Model): void {
  const { card } = model;
  byId("model-name", HTMLElement).textContent = card.name;
  document.title = `${card.name}: anomaly detector`;
  const { threshold, training_data: data, validation } = card;
  const list = element("dl", { className: "card" });
  descriptions(list, [
    ["File", model.path],
    ["Threshold", `${exact(threshold.value)}, ${origin(threshold)}`],
    ["Expected alarms", alarms(threshold.alarms)],
    ["Anchor κ", figure(card.similarity.kappa) + (card.similarity.kappa === 0 ? " (plain cosine)" : "")],
    ["Tables", describedFormat(card)],
    ["Recipe", recipe(card.recipe)],
    ["Trained on", trained(data)],
    ["Measured", measured(validation)],
    ["Contributions", model.explains ? "in the file" : "not in the file (aetk export --explain)"],
    ["Made with", Object.entries(card.versions).map(([name, version]) => `${name} ${version}`).join(", ")],
    ["SHA-256", element("code", {}, card.model_sha256)],
  ]);
  byId("card", HTMLElement).replaceChildren(list, features(model));
}

type Card = Model["card"];

function origin({ method, target, rows, basis }: Card["threshold"]): string {
  const aim = target === null ? "" : ` for ${target}`;
  return `set by ${method}${aim}` + (rows === null ? "" : ` on ${counted(rows, "row")}`) + (basis ? ` (${basis})` : "");
}

function alarms(expected: Card["threshold"]["alarms"]): string {
  if (expected === null) return "not known";
  const { low, high, confidence, rows } = expected;
  return (
    `${figure(expected.expected)} per 1,000 ordinary rows; between ${figure(low)} and ${figure(high)} ` +
    `with ${100 * confidence}% confidence, from ${counted(rows, "row")}`
  );
}

function recipe(given: Card["recipe"]): string {
  const networks = given["networks"];
  const shape = Array.isArray(networks) ? `, ${counted(networks.length, "network")}` : "";
  const scaling = typeof given["scaling"] === "string" ? `, ${given["scaling"]} scaling` : "";
  return `${String(given["name"] ?? "not named")}${shape}${scaling}`;
}

function trained(data: Card["training_data"]): string {
  const fit = data["fit_rows"];
  const fingerprint = data["fingerprint"];
  return (
    String(data["source"] ?? "a table that is not named") +
    (typeof fit === "number" ? `, ${counted(fit, "row")}` : "") +
    (typeof fingerprint === "string" ? `, fingerprint ${fingerprint.slice(0, 12)}` : "")
  );
}

function measured(validation: Card["validation"]): string {
  if (validation === null) return "not measured: no labels were given";
  const named: [string, string][] = [
    ["macro_f1", "macro F1"],
    ["auroc", "AUROC"],
    ["average_precision", "average precision"],
    ["precision", "precision"],
    ["recall", "recall"],
  ];
  return named
    .flatMap(([key, name]) => (typeof validation[key] === "number" ? [`${name} ${validation[key].toFixed(3)}`] : []))
    .join(", ");
}

const MISSING: Record<string, string> = { reject: "not judged", level: "a level of its own" };

/** The quantiles of a feature, or what its column may hold if that is text. */
function values(feature: Card["features"][number], shown: number[]): HTMLElement[] {
  const words = feature.levels ?? feature.truths;
  if (words === undefined) return shown.map((i) => element("td", {}, similar(feature.quantiles[i] ?? 0)));
  return [element("td", { colSpan: shown.length }, brief(words.join(", ")))];
}

function features({ card }: Model): HTMLElement {
  const levels = card.quantile_levels;
  const shown = [0, levels.indexOf(0.5), levels.length - 1].filter((i) => i >= 0);
  const heads = shown.map((i) => (levels[i] === 0.5 ? "Median" : `${figure(100 * (levels[i] ?? 0))}%`));
  const rows = card.features.map((feature) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("span", { className: "name" }, feature.name)),
      ...values(feature, shown),
      element("td", {}, MISSING[feature.missing] ?? feature.missing),
    ),
  );
  return element(
    "details",
    {},
    element("summary", {}, `${count(card.features.length)} features`),
    element(
      "table",
      { className: "numbers" },
      element("caption", {}, "What the model takes, with quantiles of its training rows"),
      element(
        "thead",
        {},
        element("tr", {}, ...["Feature", ...heads, "If missing"].map((name) => element("th", { scope: "col" }, name))),
      ),
      element("tbody", {}, ...rows),
    ),
  );
}
