import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { densityOf, profilePlot } from "./profile";

describe("histograms of profiles", () => {
  it("loses no row, wherever the quantiles lie", () => {
    const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 3, maxLength: 21 });
    fc.assert(
      fc.property(values, (some) => {
        const sorted = [...some].sort((a, b) => a - b);
        const sum = densityOf(sorted).reduce((all, one) => all + one, 0);
        expect(sum).toBeCloseTo(sorted[0] === sorted[sorted.length - 1] ? 0 : 1);
      }),
    );
  });

  it("shows values where they are few, twentieths where they are many, nothing of what is hidden", () => {
    expect(profilePlot({ distinct: 2, top: [{ value: "DE", count: 5 }, { value: "FR", count: 3 }] })).toMatchObject({ kind: "values", bars: [{ label: "DE", rows: 5 }, { label: "FR", rows: 3 }] });
    expect(profilePlot({ distinct: 900, count: 900, nulls: 0, min: 0, max: 20, top: [], quantiles: Array.from({ length: 21 }, (_, at) => at) })).toMatchObject({ kind: "density" });
    expect(profilePlot({ count: 5, nulls: 0, distinct: 5 })).toBeNull();
    expect(profilePlot({ distinct: 3, quantiles: ["2026-01-01", "2026-01-02", "2026-01-04"], top: [] })?.bars[0]?.height).toBeGreaterThan(0);
  });
});
