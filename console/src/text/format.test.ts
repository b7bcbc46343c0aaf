import { describe, expect, it } from "vitest";
import { ago, bytes, count, duration, moment, plural, visible } from "./format";

describe("numbers and moments for people", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.00 kB"],
    [9_996, "10.0 kB"],
    [99_960, "100 kB"],
    [999_499, "999 kB"],
    [999_600, "1.00 MB"],
    [3_140_000_000_000, "3.14 TB"],
    [null, "unknown"],
  ])("bytes(%s) is %s", (size, shown) => {
    expect(bytes(size)).toBe(shown);
  });

  it("says that it does not know, never 0", () => {
    expect([count(null), moment(null), ago(null), duration(undefined), plural(null, "file")]).toEqual([
      "unknown",
      "unknown",
      "unknown",
      "unknown",
      "unknown files",
    ]);
  });

  it.each([
    [-3, "now"],
    [-59, "59 seconds ago"],
    [-60, "1 minute ago"],
    [-3599, "1 hour ago"],
    [-7200, "2 hours ago"],
    [90_000, "in 1 day"],
    [-400 * 86_400, "1 year ago"],
  ])("%s seconds are %s", (seconds, spoken) => {
    expect(ago(seconds * 1000, 0)).toBe(spoken);
  });

  it("shows what would be invisible or turn the text around", () => {
    expect(visible("invoice\u202egpj.exe")).toBe("invoice‹U+202E›gpj.exe");
    expect(visible("Zürich 漢字 👍.txt")).toBe("Zürich 漢字 👍.txt");
  });
});
