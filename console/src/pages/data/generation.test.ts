import { describe, expect, it } from "vitest";
import { STAGES, placeOf, pollMs } from "./generation";

describe("a generation as it goes on", () => {
  it("is asked for until it is over, often where nobody tells of it, as after a reload", () => {
    for (const state of [undefined, "queued", "reading", "generating", "exporting"]) {
      expect(pollMs(state, false)).toBe(2_000);
      expect(pollMs(state, true)).toBeGreaterThan(2_000);
    }
    for (const state of ["completed", "failed", "cancelled"]) expect(pollMs(state, false)).toBe(false);
  });

  it("has stages behind it, one at which it is, and others ahead", () => {
    const places = (state: string, reached: string) => STAGES.slice(0, 4).map((stage) => placeOf(stage, state, reached));
    expect(places("fitting", "fitting")).toEqual(["done", "done", "now", "ahead"]);
    expect(places("failed", "fitting")).toEqual(["done", "done", "stopped", "ahead"]);
    expect(places("completed", "completed")).toEqual(["done", "done", "done", "done"]);
  });
});
