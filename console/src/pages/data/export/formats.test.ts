import { describe, expect, it } from "vitest";
import { DEFAULTS, chosenOptions, sheetsOf } from "./formats";

describe("formats of exports", () => {
  it("sends the options of its own format alone, and only those that were changed", () => {
    const choices = { ...DEFAULTS, delimiter: ";", dialect: "mysql", raw: true };
    expect(chosenOptions("csv", choices)).toEqual({ delimiter: ";", raw: true });
    expect(chosenOptions("sql", choices)).toEqual({ dialect: "mysql" });
    expect(chosenOptions("parquet", choices)).toEqual({});
  });

  it("tells which tables do not fit on a sheet, whose first row has the names", () => {
    const table = (rows: number) => ({ name: `t${rows}`, rows, columns: 1 });
    expect(sheetsOf([table(1_048_575), table(1_048_576), table(3_000_000)])).toEqual([
      { table: "t1048576", count: 2 },
      { table: "t3000000", count: 3 },
    ]);
  });
});
