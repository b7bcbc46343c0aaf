import { describe, expect, it } from "vitest";
import { withoutHidden } from "./dropped";
import { fingerprint } from "./fingerprints";
import { Speed, secondsLeft } from "./speed";

describe("how fast it goes", () => {
  it("is unknown at first, then that of the last seconds", () => {
    const speed = new Speed();
    expect(speed.at(0, 0)).toBeNull();
    expect(speed.at(500, 500)).toBe(1000);
    for (let second = 1; second <= 20; second += 1) speed.at(500 + second * 100, 500 + second * 1000);
    expect(speed.at(500 + 2100, 21_500)).toBeCloseTo(100);
  });

  it("tells no time that nobody knows", () => {
    expect([secondsLeft(100, null), secondsLeft(100, 0), secondsLeft(100, 50)]).toEqual([null, null, 2]);
  });
});

describe("which files are sent", () => {
  it("leaves out what systems leave in folders", () => {
    expect(withoutHidden([{ name: ".DS_Store" }, { name: "a.csv" }, { name: "Thumbs.db" }])).toEqual([{ name: "a.csv" }]);
  });

  it("takes a file for another one once it was changed", () => {
    const file = { name: "a.csv", size: 3, lastModified: 1 };
    expect(fingerprint(file)).not.toBe(fingerprint({ ...file, lastModified: 2 }));
    expect(fingerprint(file)).not.toBe(fingerprint({ ...file, size: 4 }));
  });
});
