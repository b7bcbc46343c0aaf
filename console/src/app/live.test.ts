import { describe, expect, it } from "vitest";
import { isConcerned, isTold, subjectsOf } from "./live";

const query = (operation: string, data?: unknown) => ({ queryKey: [operation, {}, {}], state: { data } }) as never;

describe("what is asked again because something changed", () => {
  it.each([
    ['{"changed": ["endpoints", "alerts"]}', ["endpoints", "alerts"]],
    ['{"changed": ["endpoints", "of a newer server", 3]}', ["endpoints"]],
    ['{"changed": "endpoints"}', []],
    ["not JSON", []],
  ])("%s names %j", (data, subjects) => {
    expect(subjectsOf(data)).toEqual(subjects);
  });

  it("is what tells of it, and nothing else", () => {
    expect(isConcerned(query("GET /api/held"), ["endpoints"])).toBe(true);
    expect(isConcerned(query("GET /api/held"), ["sessions"])).toBe(false);
    expect(isConcerned(query("GET /api/files/tree"), ["changes"])).toBe(true);
    expect(isConcerned(query("GET /console/session"), ["endpoints", "changes", "replications", "alerts", "sessions"])).toBe(false);
  });

  it("is told of, or is asked for as often as ever", () => {
    expect(isTold("GET /api/sdv/sessions/{session_id}/files")).toBe(true);
    expect(isConcerned(query("GET /api/sdv/sessions/{session_id}/files"), ["sessions"])).toBe(true);
    expect(isTold("GET /sync/status")).toBe(true);
    expect(isTold("GET /api/uploads")).toBe(false);
    expect(isTold("GET /api/sources")).toBe(false);
  });

  it("is no list in which somebody has come far", () => {
    expect(isConcerned(query("GET /api/changes", { pages: [1, 2] }), ["changes"])).toBe(true);
    expect(isConcerned(query("GET /api/changes", { pages: [1, 2, 3] }), ["changes"])).toBe(false);
  });
});
