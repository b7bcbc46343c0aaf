import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const TOKEN = /--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g;
const css = readFileSync(new URL("./base.css", import.meta.url), "utf8");
const tokens = new Map([...css.matchAll(TOKEN)].map(([, name, light, dark]) => [name ?? "", { light: light ?? "", dark: dark ?? "" }]));

/** Relative luminance, as WCAG 2.2 defines it. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const SURFACES = ["surface", "surface-2", "surface-3"];
const TEXTS: [text: string, below: string][] = [
  ...["text", "text-2", "accent"].flatMap((text) => SURFACES.map((surface): [string, string] => [text, surface])),
  ...["ok", "warn", "bad"].flatMap((tone): [string, string][] => [[tone, "surface"], [tone, `${tone}-soft`], ["text", `${tone}-soft`]]),
  ["accent-text", "accent"],
  ["accent", "accent-soft"],
];
const SHAPES = ["line-strong", "chart-1", "chart-2", "chart-3", "chart-4"];

describe.each(["light", "dark"] as const)("the tokens of the %s theme", (theme) => {
  const between = (one: string, other: string) => contrast(tokens.get(one)?.[theme] ?? "", tokens.get(other)?.[theme] ?? "");

  it.each(TEXTS)("have %s readable on %s", (text, below) => {
    expect(between(text, below)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(SHAPES)("have %s stand out from the surface", (shape) => {
    expect(between(shape, "surface")).toBeGreaterThanOrEqual(3);
  });
});
