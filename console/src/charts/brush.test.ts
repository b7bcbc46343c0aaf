import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { barAt, chosenBars, ends } from "./brush";

describe("the brush", () => {
  it("finds the bar below the pointer", () => {
    expect([0, 49, 50, 799].map((x) => barAt(x, 800, 16, 16))).toEqual([0, 0, 1, 15]);
    expect(barAt(799, 800, 20, 3)).toBe(2); // beside the last bar, where there is room for more
  });

  it("stays within the bars, wherever the pointer went", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(5000), fc.integer({ min: 1, max: 400 }), (x, width, bars) => {
        const at = barAt(x, width, Math.max(20, bars), bars);
        return at >= 0 && at < bars;
      }),
    );
  });

  it("goes both ways", () => {
    expect([ends({ from: 2, to: 5 }), ends({ from: 5, to: 2 }), ends({ from: 3, to: 3 })]).toEqual([[2, 5], [2, 5], [3, 3]]);
  });

  it("shows which bars a time covers", () => {
    const starts = [0, 1, 2, 3].map((hour) => Date.UTC(2026, 0, 1, hour));
    const hour = (at: number) => new Date(Date.UTC(2026, 0, 1, at)).toISOString();
    expect(chosenBars(starts, 3_600_000, hour(1), hour(3))).toEqual({ from: 1, to: 2 });
    expect(chosenBars(starts, 3_600_000, hour(2), null)).toEqual({ from: 2, to: 3 });
    expect(chosenBars(starts, 3_600_000, hour(9), hour(10))).toBeNull();
  });
});
