import { describe, expect, it } from "vitest";
import { isCancellable, isGoingOn, notesOn } from "./exported";

const NOTHING = { state: "completed", target: null, cancel_asked: false, written: null, error: null, warnings: [] } as const;

describe("an export that was asked for", () => {
  it("can be cancelled until its rows become final, once", () => {
    const states = ["queued", "exporting", "committing", "completed", "failed", "cancelled"] as const;
    expect(states.filter((state) => isCancellable({ state, cancel_asked: false }))).toEqual(["queued", "exporting"]);
    expect(states.filter((state) => isCancellable({ state, cancel_asked: true }))).toEqual([]);
    expect(states.filter((state) => isGoingOn({ state }))).toEqual(["queued", "exporting", "committing"]);
  });

  it("says where it went, what was written and what went wrong", () => {
    expect(notesOn({ ...NOTHING, warnings: [] })).toBe("–");
    expect(notesOn({ ...NOTHING, warnings: [], target: { source: "shop", schema: "made" }, written: { customers: 1200, orders: 1 } })).toBe("into shop, made Written: customers 1,200 rows, orders 1 row.");
    expect(notesOn({ ...NOTHING, warnings: [], target: { type: "postgres", config: { host: "db", database: "test" }, schema: "a\u202eb" }, state: "exporting", cancel_asked: true })).toBe("into db/test, a‹U+202E›b Asked to end.");
    expect(notesOn({ ...NOTHING, warnings: [], state: "failed", error: "The schema is not empty." })).toBe("The schema is not empty.");
  });
});
