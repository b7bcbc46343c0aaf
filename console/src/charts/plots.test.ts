import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxesOf, displaced, judge, outline } from "./plots";

describe("real against synthetic", () => {
  it("calls the boxes of categories by their values, the last one by what is left", () => {
    const boxes = boxesOf({ kind: "categories", labels: ["a", "b"], real: [0.5, 0.3, 0.2], synthetic: [0.4, 0.3, 0.3] }, "others");
    expect(boxes.map((box) => box.label)).toEqual(["a", "b", "others"]);
    expect(displaced(boxes)).toBeCloseTo(0.1);
  });

  it("calls the boxes of numbers by where they begin and end", () => {
    const boxes = boxesOf({ kind: "histogram", edges: [0, 10], real: [0.1, 0.8, 0.1], synthetic: [0, 1, 0] }, "");
    expect(boxes.map((box) => box.label)).toEqual(["< 0", "0 – 10", "≥ 10"]);
  });

  it("draws an outline within its frame, two points a box", () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(shares, (some) => {
        const points = outline(some, Math.max(...some), 100, 50);
        expect(points).toHaveLength(2 * some.length + 2);
        for (const [x, y] of points) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(100.0001);
          expect(y).toBeGreaterThanOrEqual(-0.0001);
          expect(y).toBeLessThanOrEqual(50);
        }
      }),
    );
  });

  it.each([
    [0.97, 0.98, 0.6, "ok"],
    [0.8, 0.98, 0.6, "warn"],
    [0.55, 0.98, 0.6, "bad"],
    [null, null, null, "plain"],
  ] as const)("judges %s beside %s and %s as %s", (score, ceiling, floor, tone) => {
    expect(judge(score, ceiling, floor)).toBe(tone);
  });
});
